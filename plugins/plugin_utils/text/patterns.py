"""Patterns of files, read as .gitignore reads them, by the library pathspec."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any


class PatternError(ValueError):
    """A pattern cannot be read; the message says which, and what to do."""


@dataclass(frozen=True)
class _Pattern:
    text: str
    #: Whether it leaves out; None for a comment.
    excludes: bool | None
    folders_only: bool
    regex: Any

    def matches(self, path: str, *, folder: bool) -> bool:
        """Return whether it names the path itself, not only a folder that the path is in."""
        if self.excludes is None or (self.folders_only and not folder):
            return False
        subject = f"{path}/" if self.folders_only else path
        return any(_end_of_folder(one) in (-1, len(subject)) for one in self._found(subject))

    def _found(self, subject: str) -> Iterator[Any]:
        found: Iterator[Any] = self.regex.finditer(subject)
        return found


class Patterns:
    """An ordered list of patterns, of which the last that matches a path decides.

    A folder that is left out takes all with it, so callers ask from the top down.
    """

    def __init__(self, lines: Iterable[str]) -> None:
        """Read the patterns.

        Raises:
            PatternError: The library is missing, or a pattern is none.
        """
        self._patterns = [_read(line) for line in lines]
        self._used: set[str] = set()

    def matches(self, path: str, *, folder: bool = False) -> bool:
        """Return whether they match a path; its folders do not count."""
        for pattern in reversed(self._patterns):
            if pattern.matches(path, folder=folder):
                self._used.add(pattern.text)
                return bool(pattern.excludes)
        return False

    @property
    def unused(self) -> list[str]:
        """The patterns that have decided about nothing so far."""
        return [
            one.text
            for one in self._patterns
            if one.excludes is not None and one.text not in self._used
        ]


def _read(line: str) -> _Pattern:
    # Only for those who use patterns: a controller needs the library for nothing else.
    try:
        import pathspec
    except ImportError:
        raise PatternError(
            "patterns need the Python package pathspec on the controller; install it beside "
            "ansible-core, with `pip install pathspec` or `apt install python3-pathspec`"
        ) from None
    try:
        found: list[Any] = list(pathspec.GitIgnoreSpec.from_lines([line]).patterns)
    except (ValueError, re.error) as error:
        raise PatternError(f"{line} is no pattern of .gitignore: {error}") from None
    read = found[0] if found else None
    excludes = None if read is None else read.include
    if excludes is None and line.strip() and not line.startswith("#"):
        raise PatternError(f"{line} is no pattern of .gitignore: it can match nothing")
    folders_only = line.rstrip().endswith("/")
    return _Pattern(line, excludes, folders_only, getattr(read, "regex", None))


def _end_of_folder(found: Any) -> int:  # noqa: ANN401 (a match of re, or of the library's own)
    """Return where the folder ends that a match is of; -1 if it is of the whole path."""
    try:
        end: int = found.end("ps_d")
    except IndexError:
        return -1
    return end
