"""nginx's configuration as a tree, with what its files include: enough to see what it serves.

Not a judge: `nginx -t` is. What cannot be read or is not well-formed ends early, without an error.
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

#: A comment, a quoted word, what ends or opens a directive, or a word.
_TOKEN = re.compile(
    r"""(?P<space>\s+|\#[^\n]*)|"(?P<double>(?:\\.|[^"\\])*)"|'(?P<single>(?:\\.|[^'\\])*)'"""
    r"""|(?P<end>[;{}])|(?P<word>(?:\\.|\$\{[^}]*\}|[^\s;{}\\])+|\\)""",
    re.DOTALL,
)
#: Files that include each other must not go on for ever.
_DEPTH = 12

Read = Callable[[str], str]
"""How to read a file; empty for one that is not there."""

Find = Callable[[str], "list[str]"]
"""How to find the files of a pattern, in the order in which nginx reads them."""


@dataclass(frozen=True)
class Directive:
    """A directive.

    Attributes:
        name: Its name.
        words: What follows it.
        file: Where it is.
        line: Its line there.
        block: What is in its braces, with what is included there; None without braces.
    """

    name: str
    words: tuple[str, ...]
    file: str
    line: int
    block: tuple[Directive, ...] | None = None

    @property
    def place(self) -> str:
        """Where it is, for a message."""
        return f"{self.file}:{self.line}"

    def inside(self, name: str) -> Iterator[Directive]:
        """Yield the directives of a name that are directly in its block."""
        return (one for one in self.block or () if one.name == name)


@dataclass(frozen=True)
class _Reader:
    """How to read files.

    Attributes:
        folder: What relative paths are relative to.
        skip: Files to read as if they were not there.
    """

    folder: str
    read: Read
    find: Find
    skip: frozenset[str]

    def file(self, path: str, depth: int = 0) -> tuple[Directive, ...]:
        if depth > _DEPTH or path in self.skip:
            return ()
        tokens = list(_tokens(self.read(path)))
        return tuple(self._block(path, iter(tokens), depth))

    def _block(
        self, path: str, tokens: Iterator[tuple[str, str, int]], depth: int
    ) -> Iterator[Directive]:
        words: list[str] = []
        first = 0
        for kind, text, line in tokens:
            if kind != "end":
                first = first if words else line
                words.append(text)
                continue
            if text == "}":
                return
            name, rest = (words[0], tuple(words[1:])) if words else ("", ())
            words = []
            if text == "{" and name.endswith("_by_lua_block"):
                _skip_braces(tokens)
            elif text == "{":
                block = tuple(self._block(path, tokens, depth))
                yield Directive(name, rest, path, first, block)
            elif name == "include" and rest:
                yield Directive(name, rest, path, first)
                for found in self.find(os.path.join(self.folder, rest[0])):
                    yield from self.file(found, depth + 1)
            elif name:
                yield Directive(name, rest, path, first)


def read_tree(
    path: str,
    *,
    read: Read,
    find: Find | None = None,
    folder: str = "",
    skip: frozenset[str] = frozenset(),
) -> Directive:
    """Return a configuration as one block, of which `file` is `path`.

    Args:
        path: The main file.
        read: How to read a file.
        find: How to find the files of a pattern.
        folder: What relative paths are relative to; by default the folder of `path`.
        skip: Files to read as if they were not there.
    """
    reader = _Reader(folder or os.path.dirname(path), read, find or _find, skip)
    return Directive("", (), path, 0, reader.file(path))


def _find(pattern: str) -> list[str]:
    # As nginx: by name, and without hidden files.
    return sorted(glob.glob(pattern))


def _tokens(text: str) -> Iterator[tuple[str, str, int]]:
    line = 1
    for found in _TOKEN.finditer(text):
        kind = found.lastgroup or ""
        if kind != "space":
            yield kind, found[kind], line
        line += found[0].count("\n")


def _skip_braces(tokens: Iterator[tuple[str, str, int]]) -> None:
    """Skip a block in another language."""
    depth = 1
    for kind, text, _line in tokens:
        depth += {"{": 1, "}": -1}.get(text, 0) if kind == "end" else 0
        if depth == 0:
            return
