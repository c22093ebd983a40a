"""The commands of docs/operations.md, as they are written there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "operations.md"
STORY = ROOT / "molecule" / "operations" / "test_operations.py"

#: What a command of a code block begins with; other blocks show an output.
_BLOCK = re.compile(
    r"^    (?P<text>(?:[A-Z_]+=\S+ )*(?:ansible-\w+|\$EDITOR|[\d*]+ [\d*]+ [*] [*] [*]) .*)$"
)
#: A whole command within a sentence.
INLINE = re.compile(r"`(?P<text>(?:[A-Z_]+=\S+ )*ansible-playbook [^`]*)`")
_COMMENT = re.compile(r"\s{2,}#.*$")


def commands(page: str) -> Iterator[tuple[str, str]]:
    """Yield each command with its section: those of blocks, and whole ones within a sentence."""
    section = ""
    for line in page.splitlines():
        if line.startswith("#"):
            section = line.lstrip("# ")
        found = _BLOCK.match(line)
        if found:
            yield section, _COMMENT.sub("", found["text"]).strip()
        else:
            yield from ((section, inline["text"]) for inline in INLINE.finditer(line))


def run_by(story: str) -> set[str]:
    """Return the commands that a story runs: the texts that it gives to `run` or `start`."""
    return {
        argument.value
        for node in ast.walk(ast.parse(story))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("run", "fail", "start")
        for argument in node.args[:1]
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    }
