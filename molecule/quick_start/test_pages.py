"""What the pages say, typed as it stands there, on a new machine and at a bare host.

The tests run in their order: each goes on where the one before has ended.
"""

from __future__ import annotations

import time

from reader import Reader

from tests.pages import DOCS, scripts

#: The reader's shell after the first block of the quick start.
IN_THE_CLONE = "cd ~/asgi.fleet && . .venv/bin/activate"


def test_quick_start_ends_at_https(reader: Reader) -> None:
    start = time.monotonic()
    typed = scripts((DOCS / "quick-start.md").read_text(encoding="utf-8"))
    printed: list[str] = []
    for number, script in enumerate(typed):
        begun = time.monotonic()
        printed.append(reader.type(script))
        reader.stays = IN_THE_CLONE
        print(f"block {number + 1}: {time.monotonic() - begun:.0f} s")
    print(f"the quick start: {time.monotonic() - start:.0f} s")
    _installed, _met, checked, deployed, seen, released, rolled_back = printed
    assert "changed=0" in checked
    assert "200 OK" in deployed
    assert '"app":"hello"' in seen
    assert "1.0.1-" in released
    assert "1.0.0-" in rolled_back
