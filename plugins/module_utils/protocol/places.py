"""Places inside of a source that its application may write, besides its own folders."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Place:
    """One place inside of a source.

    Attributes:
        path: Relative to the source; a / at its end says that it is a folder.
        keep: Whether it is kept over releases. Otherwise each release has its own.
    """

    path: str
    keep: bool = True

    @property
    def name(self) -> str:
        """The path without a / at its end."""
        return self.path.rstrip("/")

    @property
    def is_folder(self) -> bool:
        """Whether it is made as a folder, if nothing is there: a file's name has an extension."""
        return self.path.endswith("/") or "." not in posixpath.basename(self.path)[1:]


def of_entries(entries: Iterable[Any]) -> tuple[tuple[str, ...], tuple[Place, ...]]:
    """Return the absolute paths of a list of writable ones, and the places inside of the source.

    Args:
        entries: Each a path, or a mapping of `path` and `keep`.
    """
    absolute, inside = [], []
    for entry in entries:
        given = entry if isinstance(entry, dict) else {"path": entry}
        path = str(given.get("path", ""))
        if path.startswith("/"):
            absolute.append(path)
        else:
            inside.append(Place(path, bool(given.get("keep", True))))
    return tuple(absolute), tuple(inside)
