"""What verify tells, hour after hour."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.notify.repeats import (
    essence,
    keep,
    load,
    news,
    state_file,
    verified,
)

EXPIRES = {"host": "web1", "seen": "the certificate expires in 3 days", "todo": "renew it"}
LATER = {**EXPIRES, "seen": "the certificate expires in 2 days"}
FULL = {"host": "web2", "seen": "/var is 91 % full", "todo": "make room"}


@pytest.mark.parametrize(
    ("known", "found", "event"),
    [
        ([], [], ""),
        ([], [EXPIRES], "failed"),
        ([EXPIRES], [EXPIRES], ""),
        ([EXPIRES], [LATER], ""),
        ([EXPIRES], [EXPIRES, FULL], "failed"),
        ([EXPIRES, FULL], [FULL, LATER], ""),
        ([EXPIRES, FULL], [FULL], "failed"),
        ([EXPIRES], [{**EXPIRES, "host": "web2"}], "failed"),
        ([EXPIRES], [], "end"),
    ],
)
def test_news_are_what_was_not_told_last(
    known: list[dict[str, str]], found: list[dict[str, str]], event: str
) -> None:
    assert news(essence(known), found) == event


def test_findings_are_told_with_their_remedies() -> None:
    told = verified("shop", "failed", [EXPIRES, FULL], ["web1", "web2", "web3"], "ada@laptop")
    assert told["text"] == "shop: verify found 2 findings on web1, web2"
    assert told["hosts"] == ["web1", "web2"]
    assert told["detail"][1] == "web2: /var is 91 % full; to do: make room"
    over = verified("shop", "end", [], ["web1", "web2"], "ada@laptop")
    assert over["text"] == "shop: verify finds nothing any more, web1, web2 as they should be"


def test_what_was_told_is_kept_for_this_user_alone(tmp_path: Path) -> None:
    path = state_file({"XDG_STATE_HOME": str(tmp_path)}, "shop", ["/inventory", ""])
    assert load(path) == []
    keep(path, [EXPIRES])
    assert load(path) == essence([LATER])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_what_was_told_is_kept_for_each_scope() -> None:
    home = {"HOME": "/home/ada"}
    one = state_file(home, "shop", ["/inventory", ""])
    assert str(one).startswith("/home/ada/.local/state/asgi.fleet/verify/shop-")
    assert one != state_file(home, "shop", ["/inventory", "web1"])
    assert one != state_file(home, "shop", ["/other", ""])
    assert one != state_file(home, "blog", ["/inventory", ""])


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"findings": 7}', "\udcff"])
def test_file_that_cannot_be_read_tells_nothing(tmp_path: Path, text: str) -> None:
    path = tmp_path / "state.json"
    path.write_text(text, errors="surrogateescape")
    assert load(path) == []
