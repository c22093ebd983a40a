"""Text that an application wrote, made harmless for the operator's terminal.

Whoever takes such text in calls `printable`: what follows may then show it anywhere. Whoever shows
it calls `folded`.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

#: So many times a line is repeated before it is told once.
REPEATED = 3

#: Characters that steer a terminal or reorder what it shows, instead of being shown:
#: C0 without tab and newline, DEL, C1; Unicode's line separators and marks of direction (UAX 9),
#: and surrogates, which no terminal's encoding has.
STEERING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def printable(text: str) -> str:
    r"""Return the text with each steering character written as its escape, such as `\x1b`.

    The end of a line as Windows writes it becomes a newline.
    """
    return STEERING.sub(_escaped, text.replace("\r\n", "\n"))


def folded(text: str) -> Iterator[str]:
    """Yield the lines of a text; one that a journal repeats is told once, with how often."""
    for line, alike in itertools.groupby(text.splitlines()):
        count = len(list(alike))
        often = count >= REPEATED and line.strip()
        yield from [line, f"  ({count} times)"] if often else [line] * count


def _escaped(found: re.Match[str]) -> str:
    code = ord(found.group())
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
