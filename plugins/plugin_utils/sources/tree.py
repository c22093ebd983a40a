"""The files of a packed tree, and the texts of those that say what the project is."""

from __future__ import annotations

import posixpath
import re
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field

from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.outside import clean

#: Locks, requirements and settings; a lock of a large project has a few MB.
_TELLING = re.compile(
    r"(\.toml|\.lock|\.cfg|\.python-version|runtime\.txt|PKG-INFO|Pipfile"
    r"|(require|constraint)[^/]*(/[^/]*)?\.(txt|in))$"
)
_TELLING_BYTES = 32 * 1024 * 1024
#: Other texts: Python's, requirements files with names of their own, and scripts that hooks run.
_OTHER = re.compile(r"\.(py|txt|in|sh)$")
_OTHER_BYTES = 1024 * 1024
_OTHER_BYTES_TOGETHER = 48 * 1024 * 1024
#: Links that lead to another link.
_MOST_LINKS = 8


@dataclass(frozen=True)
class Tree:
    """The files of a tree, by their paths from its root.

    Attributes:
        texts: Texts of the files that were read.
        paths: All files and links.
        links: Where links lead, from the tree's root.
        folders: Folders that are packed by name, as empty ones are.
    """

    texts: Mapping[str, str]
    paths: frozenset[str]
    links: Mapping[str, str] = field(default_factory=dict)
    folders: frozenset[str] = frozenset()

    @classmethod
    def of(cls, texts: Mapping[str, str]) -> Tree:
        """Return a tree of files with these texts."""
        return cls(texts, frozenset(texts))

    def read(self, path: str) -> str | None:
        """Return the text of a file, or None if it is not there (or is no text to read)."""
        path = clean(path)
        for _step in range(_MOST_LINKS):
            if path not in self.links:
                break
            path = self.links[path]
        return self.texts.get(path)

    def below(self, folder: str) -> Tree:
        """Return the part of the tree below a folder, by the paths from there."""
        if not folder:
            return self
        lead = f"{folder}/"
        inside, folders = (
            frozenset(path[len(lead) :] for path in paths if path.startswith(lead))
            for paths in (self.paths, self.folders)
        )
        texts = {path: text for path in inside if (text := self.read(lead + path)) is not None}
        return Tree(texts, inside, folders=folders)

    def has_folder(self, folder: str) -> bool:
        """Return whether there is a folder."""
        return folder in self.folders or any(path.startswith(f"{folder}/") for path in self.paths)


def read_tree(archive: str) -> Tree:
    """Return the tree in an archive."""
    texts: dict[str, str] = {}
    paths: set[str] = set()
    links: dict[str, str] = {}
    folders: set[str] = set()
    together = 0
    with tarfile.open(archive) as tar:
        while (member := tar.next()) is not None:
            # It keeps members for getmember(): of a large tree, more than all that is read here.
            tar.members.clear()  # type: ignore[attr-defined]
            if member.isdir():
                folders.add(member.name.rstrip("/"))
                continue
            paths.add(member.name)
            if member.issym():
                folder = posixpath.dirname(member.name)
                links[member.name] = clean(posixpath.join(folder, member.linkname))
                continue
            if not _TELLING.search(member.name):
                if not _OTHER.search(member.name) or member.size > _OTHER_BYTES:
                    continue
                together += member.size
                if together > _OTHER_BYTES_TOGETHER:
                    continue
            elif member.size > _TELLING_BYTES:
                continue
            if file := tar.extractfile(member):
                texts[member.name] = file.read().decode(errors="surrogateescape")
    return Tree(texts, frozenset(paths), links, frozenset(folders))
