"""To whom an event goes, and what is taken out of it first."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.notify.delivery import deliver
from ansible_collections.asgi.fleet.plugins.plugin_utils.notify.events import completed
from ansible_collections.asgi.fleet.plugins.plugin_utils.notify.sending import NotTold
from ansible_collections.asgi.fleet.plugins.plugin_utils.notify.targets import audience

HOOK = {"type": "webhook", "format": "json", "url": "https://hooks.example.com/the-secret-path"}


def hostvars(**changes: object) -> dict[str, Any]:
    return {
        "web1": {"fleet_notify": [HOOK], "app_secrets": {"TOKEN": "first-secret"}, **changes},
        "web2": {"fleet_notify": [HOOK], "app_secrets": {"TOKEN": "other-secret", "N": 1234567}},
        "web3": {},
    }


def event(text: str, kind: str = "failed") -> dict[str, Any]:
    return completed({"event": kind, "app": "shop", "text": text}, at=7)


def test_event_goes_out_without_the_secrets_of_any_host_or_target() -> None:
    sent: list[dict[str, Any]] = []
    text = "first-secret other-secret 1234567 https://hooks.example.com/the-secret-path"
    audiences = {"shop": audience(hostvars(), ["web1", "web2"])}
    lines, reached = deliver([event(text)], audiences, lambda _target, one: sent.append(one))
    assert (lines, reached) == ([], True)
    assert [one["text"] for one in sent] == ["<TOKEN> <TOKEN> <N> <fleet_notify[0].url>"]


def test_event_goes_to_those_who_want_it() -> None:
    targets = [{**HOOK, "name": "all", "events": ["begin", "end"]}, {**HOOK, "name": "default"}]
    told: list[tuple[str, str]] = []
    audiences = {"shop": audience(hostvars(fleet_notify=targets), ["web1"])}
    deliver(
        [event("x", kind) for kind in ("begin", "end", "failed")],
        audiences,
        lambda target, one: told.append((target["name"], one["event"])),
    )
    assert sorted(told) == [
        ("all", "begin"),
        ("all", "end"),
        ("default", "end"),
        ("default", "failed"),
    ]


def test_nobody_was_reached_if_each_target_failed() -> None:
    def send(_target: object, _event: object) -> None:
        raise NotTold("connection refused")

    audiences = {"shop": audience(hostvars(), ["web1"])}
    assert deliver([event("x")], audiences, send) == (
        ["not told: json: connection refused"],
        False,
    )
    # Nobody wanted to be.
    assert deliver([event("x", "begin")], audiences, send) == ([], True)


def test_audience_of_a_fleet_without_targets_is_empty() -> None:
    found = audience(hostvars(), ["web3", "unknown"])
    assert (found.targets, found.secrets) == ([], [])


def test_targets_that_are_not_valid_are_not_repeated() -> None:
    with pytest.raises(ValueError, match=r"fleet_notify\[0\].url is a URL that begins") as refused:
        audience(
            hostvars(fleet_notify=[{**HOOK, "url": "http://x.example.com/the-secret"}]), ["web1"]
        )
    assert "the-secret" not in str(refused.value)
