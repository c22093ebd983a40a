"""Text of an application, as the operator's terminal gets it."""

from __future__ import annotations

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.text import printable


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Grüße\n\tfrom 東京 🚀\n", "Grüße\n\tfrom 東京 🚀\n"),
        ("\x1b[2J\x1b]0;owned\x07", "\\x1b[2J\\x1b]0;owned\\x07"),
        ("one\r\ntwo\rthree", "one\ntwo\\x0dthree"),
        ("\x9b31m\x7f\x00", "\\x9b31m\\x7f\\x00"),
        ("\u202egpj.exe\u2066 \u2028", "\\u202egpj.exe\\u2066 \\u2028"),
        (b"\xff".decode(errors="surrogateescape"), "\\udcff"),
    ],
    ids=["text", "escape", "carriage-return", "c1", "bidi", "surrogate"],
)
def test_printable_leaves_text_and_shows_what_steers_a_terminal(text: str, expected: str) -> None:
    """Words in any language stay; nothing is left that moves the cursor or reorders a line."""
    assert printable(text) == expected
