"""The tree of a commit, with what lies elsewhere: submodules, and large files of Git LFS."""

from __future__ import annotations

import os
import posixpath
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.credentials import (
    git_environment,
    of_caller,
    separate,
    without_credentials,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.entries import (
    Entry,
    SourceError,
    open_file,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.git import (
    Mirror,
    mirror_of,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.lfs import (
    fetched,
    oid_of,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.listed import ListedTree

#: Where a submodule may come from; a path of the controller only if its parent does.
_REMOTE = re.compile(r"(?:https?|ssh|git)://\S+|[\w.-]+@[\w.-]+:\S+")
_LOCAL = re.compile(r"(?:file://)?/\S*")
#: Attributes that change files when they are checked out or archived.
_ATTRIBUTE = re.compile(
    r"^[^#\n]*?\s(export-ignore|export-subst|ident|eol=\w+|working-tree-encoding=\S+|filter=(?!lfs\b)\S+)",
    re.M,
)


@dataclass(frozen=True)
class _Repository:
    """A repository in the tree: the root's, or that of a submodule."""

    mirror: Mirror
    commit: str
    #: The URL of each of its submodules, by the path in it.
    urls: Mapping[str, str]


class GitTree(ListedTree):
    """Reads the files of a commit as they are needed."""

    def __init__(self, source: Mapping[str, Any], cache: str) -> None:
        """Fetch the repository, and find the commit.

        Raises:
            SourceError: Either failed.
        """
        url, user, password = separate(source["url"])
        version = str(source["version"])
        if url != source["url"]:
            # An earlier version kept the credentials in the mirror's configuration.
            shutil.rmtree(mirror_of(source["url"], cache), ignore_errors=True)
        self._cache = cache
        #: Git gives the credentials to the server of this URL alone, for submodules as well.
        self._login = git_environment(url, user, password, of_caller(os.environ))
        mirror = Mirror(url, cache, self._login)
        try:
            self.commit = mirror.commit(version)
        except SourceError as error:
            raise SourceError(
                f"app_source.version is {version}; {without_credentials(source['url'])} has {error}"
            ) from None
        self.described = mirror.described(self.commit, version)
        self.subject = mirror.subject_of(self.commit)
        self._changed = mirror.time_of(self.commit)
        files, self._submodules = mirror.entries(self.commit, self._changed)
        super().__init__([*files, *(Entry(path, folder=True) for path in self._submodules)])
        #: By the folder in which each one's files are.
        self._repositories = {"": _Repository(mirror, self.commit, mirror.submodules(self.commit))}

    def children(self, folder: str) -> list[Entry]:
        """Return what is directly in a folder; a submodule is fetched when it is needed."""
        if folder in self._submodules:
            self._mount(folder, self._submodules.pop(folder))
        return super().children(folder)

    def _mount(self, folder: str, commit: str) -> None:
        """Add the files of a submodule."""
        above = self._repository(folder)
        parent, path = self._repositories[above], posixpath.relpath(folder, above or ".")
        told = parent.urls.get(path)
        if told is None:
            raise SourceError(
                f"{folder} is a submodule, and .gitmodules does not say where it comes from; "
                "add it there, or leave it out by app_source.exclude"
            )
        shown = without_credentials(told)
        url = separate(_resolved(told, parent.mirror.url))[0]
        if not _REMOTE.fullmatch(url) and not (
            _LOCAL.fullmatch(url) and _LOCAL.match(parent.mirror.url)
        ):
            raise SourceError(
                f"the submodule {folder} comes from {shown}; expected a URL of https or ssh"
            )
        try:
            mirror = Mirror(url, self._cache, self._login)
            mirror.require(commit)
            self._repositories[folder] = _Repository(mirror, commit, mirror.submodules(commit))
            files, submodules = mirror.entries(commit, self._changed)
        except SourceError as error:
            raise SourceError(
                f"the submodule {folder} ({shown}) cannot be fetched: {error}; give the controller "
                "access to it, or leave it out by app_source.exclude"
            ) from None
        for found in submodules:
            self._submodules[f"{folder}/{found}"] = submodules[found]
        moved = [_below(folder, entry) for entry in files]
        moved += [Entry(f"{folder}/{path}", folder=True) for path in submodules]
        for entry in moved:
            self._add(entry)

    def _repository(self, path: str) -> str:
        """Return the folder of the repository that a path is in."""
        found = (
            folder for folder in self._repositories if folder and path.startswith(f"{folder}/")
        )
        return max(found, key=len, default="")

    def contents_of(self, pointers: Sequence[Entry]) -> list[Entry]:
        """Return files of Git LFS with their contents.

        Raises:
            SourceError: They cannot be fetched.
        """
        wanted: dict[str, list[Entry]] = {}
        for entry in pointers:
            wanted.setdefault(self._repository(entry.path), []).append(entry)
        found = []
        for folder, entries in wanted.items():
            oids = {entry.path: oid_of(entry) for entry in entries}
            repository = self._repositories[folder]
            files = fetched(repository.mirror, repository.commit, oids)
            for entry in entries:
                file = files[entry.path]
                opened = partial(open_file, file)
                size = os.path.getsize(file)
                found.append(Entry(entry.path, opened, size, entry.mtime, entry.executable))
        return found

    def notes(self, entries: Sequence[Entry]) -> list[str]:
        """Return what .gitattributes asks for and packing does not do."""
        asked = set(_ATTRIBUTE.findall(self.read(".gitattributes") or ""))
        for entry in entries:
            if posixpath.basename(entry.path) == ".gitattributes" and not entry.link:
                with entry.open() as file:
                    asked.update(_ATTRIBUTE.findall(file.read().decode(errors="replace")))
        if not asked:
            return []
        return [
            f".gitattributes has {', '.join(sorted(asked))}; the files are packed as git stores "
            "them, all of them (app_source.exclude leaves files out)"
        ]

    def close(self) -> None:
        """End the processes that read objects."""
        for repository in self._repositories.values():
            repository.mirror.close()


def _below(folder: str, entry: Entry) -> Entry:
    path = f"{folder}/{entry.path}"
    return Entry(path, entry.open, entry.size, entry.mtime, entry.executable, entry.link)


def _resolved(url: str, parent: str) -> str:
    """Return the URL of a submodule; `./` and `../` lead from its parent's."""
    if not url.startswith(("./", "../")):
        return url
    base = parent.rstrip("/")
    while url.startswith(("./", "../")):
        if url.startswith("../"):
            slash, colon = base.rfind("/"), base.rfind(":")
            base = base[: max(slash, 0)] if slash > colon else base[: colon + 1]
        url = url.partition("/")[2]
    return f"{base}{url}" if base.endswith(":") else f"{base}/{url}"
