"""Text that an application wrote, made harmless for the operator's terminal.

Whoever takes such text in calls `printable`: what follows may then show it anywhere.
"""

from __future__ import annotations

import re

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


def _escaped(found: re.Match[str]) -> str:
    code = ord(found.group())
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
