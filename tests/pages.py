"""The documentation's pages, and the commands in them, as they are written there."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"

_FENCED = re.compile(r"^```(?P<kind>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"(?:^|\n)\n(?P<text>(?:(?: {4}.*)?\n)+)")


def scripts(page: str) -> list[str]:
    """Return what a page says to type in a shell: its blocks marked `sh`, in their order."""
    return [match["text"] for match in _FENCED.finditer(page) if match["kind"] == "sh"]


def blocks(page: str) -> Iterator[str]:
    """Yield the text of each block of code, by a fence or by indentation."""
    for match in _FENCED.finditer(page):
        yield match["text"]
    for match in _INDENTED.finditer(_FENCED.sub("", page)):
        if match["text"].strip():
            yield textwrap.dedent(match["text"])


def commands(page: str, *programs: str) -> list[str]:
    """Return the commands of a page's blocks that begin with one of some programs.

    A command has neither its comment nor the settings of the environment before it; lines that end
    with a backslash are one.
    """
    found: list[str] = []
    for block in blocks(page):
        for line in block.replace("\\\n", " ").splitlines():
            text = re.sub(r"\s{2,}#.*$", "", line).strip()
            text = re.sub(r"^(?:[A-Z_]+=\S+ )+", "", text)
            if text.split(" ")[0] in programs:
                found.append(text)
    return found


def messages(root: Path) -> Iterator[str]:
    """Yield what the code may say: its texts, with a bare null where a value is filled in."""
    for path in sorted(root.glob("plugins/**/*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield re.sub(r"\{\w+\}", "\0", node.value)
            elif isinstance(node, ast.JoinedStr):
                parts = (
                    part.value if isinstance(part, ast.Constant) else "\0" for part in node.values
                )
                yield "".join(map(str, parts))
    for pattern in ("playbooks/**/*.yml", "roles/*/tasks/*.yml"):
        for path in sorted(root.glob(pattern)):
            text = re.sub(r"\{\{.*?\}\}", "\0", path.read_text(encoding="utf-8"), flags=re.DOTALL)
            yield " ".join(text.split())
