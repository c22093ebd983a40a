"""A tree of which all paths are known before it is read: an archive, a commit."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable

from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.entries import Entry, parents


class ListedTree:
    """A list of files as a tree; folders that only paths tell of are there as well."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        """Take the files, links and folders."""
        self._folders: dict[str, list[Entry]] = {"": []}
        self._files: dict[str, Entry] = {}
        for entry in entries:
            self._add(entry)

    def _add(self, entry: Entry) -> None:
        for folder in (*parents(entry.path), *([entry.path] if entry.folder else [])):
            if folder not in self._folders:
                self._folders[folder] = []
                self._folders[posixpath.dirname(folder)].append(
                    Entry(folder, folder=True, mtime=entry.mtime)
                )
        if not entry.folder:
            self._files[entry.path] = entry
            self._folders[posixpath.dirname(entry.path)].append(entry)

    def children(self, folder: str) -> list[Entry]:
        """Return what is directly in a folder."""
        return self._folders.get(folder, [])

    def read(self, path: str) -> str | None:
        """Return the text of a file; None if there is none."""
        entry = self._files.get(path)
        if entry is None or entry.link:
            return None
        with entry.open() as file:
            return file.read().decode(errors="replace")
