"""The lines that docs/command-line.md has somebody type."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).resolve().parents[1] / "docs" / "command-line.md"
#: What stands in the page for the host, and for the wheel.
HOST, WHEEL = "203.0.113.7", "asgi_fleet-0.1.0-py3-none-any.whl"


def lines_below(heading: str) -> list[str]:
    """Return the lines of the first code block below a heading, without comments."""
    section = PAGE.read_text(encoding="utf-8").partition(f"## {heading}\n")[2].partition("\n## ")[0]
    block = re.search(r"(?:^    .*\n)+", section, re.MULTILINE)
    lines = block[0].splitlines() if block else []
    return [re.sub(r"\s{2,}#.*$", "", line[4:]) for line in lines]
