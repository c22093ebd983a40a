"""All targets at once, each within its time, whatever it does."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.notify.sending import NotTold, tell


def target(name: str, seconds: float = 1) -> dict[str, Any]:
    return {"name": name, "timeout_seconds": seconds}


def test_tell_tells_each_target() -> None:
    told: list[tuple[str, str]] = []
    pairs = [(target("a"), {"text": "one"}), (target("b"), {"text": "two"})]
    assert tell(pairs, lambda one, event: told.append((one["name"], event["text"]))) == []
    assert sorted(told) == [("a", "one"), ("b", "two")]


def test_tell_names_who_was_not_told() -> None:
    def send(one: dict[str, Any], _event: object) -> None:
        if one["name"] == "down":
            raise NotTold("connection refused")
        if one["name"] == "odd":
            raise KeyError("the-secret")

    lines = tell([(target(name), {}) for name in ("down", "up", "odd")], send)
    assert lines == ["not told: down: connection refused", "not told: odd: an unexpected KeyError"]


def test_tell_takes_no_longer_than_the_longest_time_out() -> None:
    never = threading.Event()

    def send(_target: object, _event: object) -> None:
        never.wait(20)

    began = time.monotonic()
    lines = tell(
        [(target("a", 0.3), {}), (target("b", 0.6), {}), (target("c", 0.3), {})],
        send,
    )
    assert 0.6 <= time.monotonic() - began < 1.2
    assert lines == [
        "not told: a: no answer in 0.3 s",
        "not told: b: no answer in 0.6 s",
        "not told: c: no answer in 0.3 s",
    ]


def test_tell_goes_on_where_no_thread_can_start(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_thread(_self: object) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(threading.Thread, "start", no_thread)
    told: list[str] = []
    assert tell([(target("a"), {})], lambda one, _event: told.append(one["name"])) == []
    assert told == ["a"]


def test_tell_of_nobody_is_nothing() -> None:
    assert tell([], lambda _one, _event: None) == []
