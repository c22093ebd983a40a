"""A command as a line of a unit file."""

from __future__ import annotations

from collections.abc import Sequence


def exec_line(words: Sequence[str]) -> str:
    r"""Return the words of a command for ExecStart=, each as it stands.

    Source: systemd.service(5), "Command lines": %, $, quotes and \ have a meaning of their own.
    """
    return " ".join(_quoted(word) for word in words)


def _quoted(word: str) -> str:
    for character, written in (("\\", "\\\\"), ('"', '\\"'), ("%", "%%"), ("$", "$$")):
        word = word.replace(character, written)
    return (
        word if word and all(char.isalnum() or char in "/.-_=+" for char in word) else f'"{word}"'
    )
