"""A folder of the controller as a source."""

from __future__ import annotations

import os
import stat
from functools import partial

from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.entries import (
    Entry,
    SourceError,
    open_file,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.outside import (
    reaches_outside,
    workspace_root,
)


class FolderTree:
    """Reads the files of a folder as they are needed."""

    def __init__(self, root: str) -> None:
        """Take a folder.

        Raises:
            SourceError: It is none, or belongs to a workspace above it.
        """
        self._root = root
        if not os.path.isdir(root):
            raise SourceError(
                f"{root} is not a folder of the controller; set app_source.path to one"
            )

    def children(self, folder: str) -> list[Entry]:
        """Return what is directly in a folder; sockets and pipes are no part of a source."""
        found = []
        with os.scandir(os.path.join(self._root, folder)) as entries:
            for entry in entries:
                path, told = os.path.join(folder, entry.name), entry.stat(follow_symlinks=False)
                mode, changed = told.st_mode, int(told.st_mtime)
                if stat.S_ISLNK(mode):
                    found.append(Entry(path, link=os.readlink(entry.path), mtime=changed))
                elif stat.S_ISDIR(mode):
                    found.append(Entry(path, folder=True, mtime=changed))
                elif stat.S_ISREG(mode):
                    opened = partial(open_file, entry.path)
                    runs = bool(mode & stat.S_IXUSR)
                    found.append(Entry(path, opened, told.st_size, changed, runs))
        return found

    def read(self, path: str) -> str | None:
        """Return the text of a file of the folder; None if there is none."""
        if path == ".." or path.startswith(("../", "/")):
            return None
        return _text(os.path.join(self._root, path))

    def notes(self, subdirectory: str) -> list[str]:
        """Return what the project needs of the controller outside of the folder.

        Raises:
            SourceError: It is a member of a workspace, whose lock says what it needs.
        """
        if subdirectory:
            return []
        root = os.path.realpath(self._root)
        project = root.lstrip("/")
        if found := workspace_root(lambda path: _text(f"/{path}"), project):
            above = f"/{found[1]}"
            raise SourceError(
                f"app_source.path is {self._root}, a member of the uv workspace of {above}, whose "
                "lock says what it needs; set app_source to "
                f"{{type: path, path: {above}, subdirectory: {os.path.relpath(root, above)}}}"
            )
        reason = reaches_outside(
            lambda path: _text(f"/{path}") if path.startswith(f"{project}/") else None, project
        )
        if not reason:
            return []
        return [
            f"app_source.path is packed alone, and {reason}; if that is needed, set path to the "
            "folder of the repository, and subdirectory to the project's folder in it"
        ]


def _text(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return None
