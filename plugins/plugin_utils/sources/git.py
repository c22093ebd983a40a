"""A commit of a git repository as a source: its objects as git stores them, from a mirror.

`git archive` and a checkout would change them: line endings, $Id$, files that are left out.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import IO, Any, Literal, cast

from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.credentials import (
    of_caller,
    separate,
    without_credentials,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.entries import Entry, SourceError

#: Git holds whole objects and parts of packs in memory; this keeps it to the large objects' deltas.
_FRUGAL = (
    *("core.bigFileThreshold=1m", "core.packedGitWindowSize=1m", "core.packedGitLimit=32m"),
    *("core.deltaBaseCacheLimit=16m", "pack.threads=1", "pack.windowMemory=16m"),
    "core.fsmonitor=false",
)
_SETTINGS = tuple(part for setting in _FRUGAL for part in ("-c", setting))
#: A repository of this machine is read by a server here, which gets none of these by itself.
_LOCAL = re.compile(r"(?:file://)?/")
_LOCAL_SERVER = f"--upload-pack=git {' '.join(_SETTINGS)} upload-pack"
_LISTED = re.compile(rb"(\d+) (\w+) ([0-9a-f]+) +(\d+|-)\t(.*)", re.DOTALL)
_EXECUTABLE, _LINK, _SUBMODULE = "100755", "120000", "160000"


def run_git(*arguments: str, environment: Mapping[str, str], folder: str | None = None) -> bytes:
    """Run git and return what it prints.

    Args:
        arguments: Of git.
        environment: Of `of_caller`.
        folder: Where it runs.

    Raises:
        SourceError: It failed; without credentials.
    """
    told = {**environment, "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0"}
    try:
        result = subprocess.run(
            ["git", *_SETTINGS, *arguments], cwd=folder, env=told, capture_output=True, check=False
        )
    except FileNotFoundError:
        raise SourceError("git is not installed on the controller; install it") from None
    if result.returncode != 0:
        output = without_credentials(result.stderr.decode(errors="replace").strip())
        name = next(one for one in arguments if not one.startswith("-") and "=" not in one)
        raise SourceError(f"git {name} failed: {output}")
    return result.stdout


def describe(folder: str) -> str:
    """Return where a folder of a work tree stands in its history; empty outside of git."""
    told = of_caller(os.environ)
    try:
        found = run_git(
            *("describe", "--tags", "--long", "--always", "--dirty"),
            environment=told,
            folder=folder,
        )
    except (OSError, SourceError):
        return ""
    return found.decode(errors="replace").strip()


@dataclass(frozen=True)
class Listed:
    """A line of `git ls-tree`: an object by its path."""

    path: str
    mode: str
    name: str
    size: int


def mirror_of(url: str, cache: str) -> str:
    """Return the folder of the mirror of a URL."""
    return os.path.join(cache, hashlib.sha256(url.encode()).hexdigest()[:16] + ".git")


def relation(
    cache: str, url: str, commit: str, other: str
) -> Literal["same", "before", "after", "unknown"]:
    """Return how a commit stands to another one, by the mirror of their repository.

    Args:
        cache: Folder of the mirrors.
        url: The repository's URL; credentials in it do not matter.
        commit: A commit.
        other: Another; `before` says that it has come from the first.
    """
    if commit == other:
        return "same"
    folder = mirror_of(separate(url)[0], cache)
    told = of_caller(os.environ)
    try:
        base = run_git(f"--git-dir={folder}", "merge-base", commit, other, environment=told)
    except (OSError, SourceError):
        return "unknown"
    found = {commit: "before", other: "after"}.get(base.decode().strip(), "unknown")
    return cast("Literal['before', 'after', 'unknown']", found)


class Mirror:
    """A copy of a repository in the cache, brought up to date when it is made."""

    def __init__(self, url: str, cache: str, environment: Mapping[str, str]) -> None:
        """Fetch a repository.

        Args:
            url: Without credentials.
            cache: Folder of the mirrors.
            environment: With credentials, by `git_environment`.

        Raises:
            SourceError: It cannot be fetched.
        """
        self.url = url
        self.folder = mirror_of(url, cache)
        self.environment = environment
        if os.path.isdir(self.folder):
            self.git("fetch", "--quiet", "--prune", "--force", *self._server, "origin")
            return
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            clone = os.path.join(folder, "mirror")
            arguments = ("clone", "--quiet", "--mirror", *self._server, "--", url, clone)
            run_git(*arguments, environment=environment)
            os.rename(clone, self.folder)

    def git(self, *arguments: str) -> bytes:
        """Run git with the mirror and return what it prints."""
        return run_git(*self._here, *arguments, environment=self.environment, folder=self.folder)

    @property
    def _server(self) -> tuple[str, ...]:
        return (_LOCAL_SERVER,) if _LOCAL.match(self.url) else ()

    @property
    def _here(self) -> tuple[str, ...]:
        # Not by its folder: git may be told to look at no bare repository that it finds.
        return (f"--git-dir={self.folder}",)

    def commit(self, version: str) -> str:
        """Return the commit that a tag, a branch or the beginning of a commit's name means.

        Raises:
            SourceError: There is none.
        """
        try:
            found = self.git("rev-parse", "--quiet", "--verify", f"{version}^{{commit}}")
        except SourceError:
            raise SourceError("no such branch, tag or commit") from None
        return found.decode().strip()

    def require(self, commit: str) -> None:
        """Fetch a commit that no branch or tag leads to; servers give it out by its name."""
        try:
            self.commit(commit)
        except SourceError:
            self.git("fetch", "--quiet", *self._server, "origin", commit)

    def time_of(self, commit: str) -> int:
        """Return when a commit was made."""
        return int(self.git("show", "--no-patch", "--format=%ct", commit).split()[-1])

    def subject_of(self, commit: str) -> str:
        """Return the first line of a commit's message."""
        told = self.git("log", "-1", "--no-show-signature", "--format=%s", commit)
        return told.decode(errors="replace").strip()

    def described(self, commit: str, version: str) -> str:
        """Return where a commit stands in the history; its own tag counts, if it was asked for."""
        found = self.git("describe", "--tags", "--long", "--always", commit).decode().strip()
        if self._points_at(f"refs/tags/{version}", commit):
            short = self.git("rev-parse", "--short", commit).decode().strip()
            return f"{version}-0-g{short}"
        return found

    def _points_at(self, reference: str, commit: str) -> bool:
        try:
            return self.commit(reference) == commit
        except SourceError:
            return False

    def listing(self, commit: str) -> Iterator[Listed]:
        """Yield all that is in a commit."""
        for line in self.git("ls-tree", "-r", "-z", "-l", "--full-tree", commit).split(b"\0"):
            if found := _LISTED.fullmatch(line):
                mode, _kind, name, size, path = found.groups()
                length = int(size) if size.isdigit() else 0
                yield Listed(os.fsdecode(path), mode.decode(), name.decode(), length)

    def entries(self, commit: str, changed: int) -> tuple[list[Entry], dict[str, str]]:
        """Return the files of a commit, and the commit of each submodule by its path."""
        files, submodules = [], {}
        for found in self.listing(commit):
            if found.mode == _SUBMODULE:
                submodules[found.path] = found.name
            elif found.mode == _LINK:
                with self.open(found.name) as file:
                    files.append(Entry(found.path, link=os.fsdecode(file.read()), mtime=changed))
            else:
                opened = partial(self.open, found.name)
                runs = found.mode == _EXECUTABLE
                files.append(Entry(found.path, opened, found.size, changed, runs))
        return files, submodules

    def submodules(self, commit: str) -> dict[str, str]:
        """Return the URL of each submodule by its path, as .gitmodules tells them."""
        found: dict[str, dict[str, str]] = {}
        try:
            told = self.git("config", f"--blob={commit}:.gitmodules", "--null", "--list")
        except SourceError:
            return {}
        for line in told.decode(errors="surrogateescape").split("\0"):
            key, _newline, value = line.partition("\n")
            section, _dot, rest = key.partition(".")
            name, _dot, option = rest.rpartition(".")
            if section == "submodule":
                found.setdefault(name, {})[option] = value
        return {
            one["path"].strip("/"): one["url"]
            for one in found.values()
            if "path" in one and "url" in one
        }

    def open(self, name: str) -> IO[bytes]:
        """Open the contents of an object; the one opened before it ends."""
        return self._objects.open(name)

    @cached_property
    def _objects(self) -> _Objects:
        return _Objects(["git", *_SETTINGS, *self._here, "cat-file", "--batch"], self.environment)

    def close(self) -> None:
        """End the process that reads objects."""
        if "_objects" in self.__dict__:
            self._objects.close()


class _Objects:
    """Reads objects by one process of git, one after the other."""

    def __init__(self, command: list[str], environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=dict(environment)
        )
        #: Bytes of the last answer that nobody has read, with the newline behind it.
        self._left = 0

    def open(self, name: str) -> IO[bytes]:
        while self._left and self.take(64 * 1024):
            pass
        asks, answers = self._process.stdin, self._process.stdout
        if asks is None or answers is None:
            raise SourceError("git cat-file has no pipes")
        asks.write(f"{name}\n".encode())
        asks.flush()
        header = answers.readline().split()
        if len(header) != 3:
            raise SourceError(
                f"git has no object {name} in the controller's cache; remove it there"
            )
        size = int(header[2])
        self._left = size + 1
        return io.BufferedReader(_Object(self, size), 64 * 1024)

    def take(self, size: int) -> bytes:
        """Return the next bytes of the last answer."""
        answers = self._process.stdout
        data = answers.read(min(size, self._left)) if answers is not None else b""
        if not data and self._left:
            raise SourceError("git cat-file ended in the middle of an object")
        self._left -= len(data)
        return data

    def close(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        self._process.wait()


class _Object(io.RawIOBase):
    """The contents of the object that was opened last."""

    def __init__(self, objects: _Objects, size: int) -> None:
        super().__init__()
        self._objects, self._left = objects, size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 (a buffer, which has no type in 3.11)
        data = self._objects.take(min(len(buffer), self._left)) if self._left else b""
        self._left -= len(data)
        buffer[: len(data)] = data
        return len(data)
