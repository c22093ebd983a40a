"""Events: complete, in one line, and without a secret."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.notify.events import (
    completed,
    named,
    told,
    without_secrets,
)


def test_event_gets_every_key() -> None:
    assert completed({"event": "end", "kind": "patch", "app": "shop", "hosts": ["web1"]}, at=7) == {
        "event": "end",
        "kind": "patch",
        "id": "",
        "app": "shop",
        "release": "",
        "before": "",
        "who": "",
        "hosts": ["web1"],
        "at": 7.0,
        "text": "shop: patch ended on web1",
        "detail": [],
        "receipt": None,
        "page": "",
    }


def test_event_takes_what_a_rollout_has() -> None:
    given = {"event": "failed", "before": ["1.0", "0.9"], "detail": "a\nb", "text": "t", "at": 3.5}
    event = completed(given, at=7)
    assert (event["before"], event["detail"], event["at"]) == ("1.0, 0.9", ["a", "b"], 3.5)
    assert completed({"event": "end", "before": [], "detail": None}, at=7)["before"] == ""


def test_event_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="event is ended; expected begin, end, failed, reverted"):
        completed({"event": "ended"}, at=7)
    with pytest.raises(ValueError, match="the event has url; expected event, kind"):
        completed({"event": "end", "url": "x"}, at=7)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, "shop: release of 1.4.1 ended on web1, web2 (ada@laptop)"),
        ({"event": "begin"}, "shop: release of 1.4.1 begins on web1, web2 (ada@laptop)"),
        ({"event": "failed"}, "shop: release of 1.4.1 failed on web1, web2 (ada@laptop)"),
        (
            {"event": "reverted", "before": "1.4.0"},
            "shop: release of 1.4.1 was reverted to 1.4.0 on web1, web2 (ada@laptop)",
        ),
        ({"event": "reverted"}, "shop: release of 1.4.1 was reverted on web1, web2 (ada@laptop)"),
        ({"kind": "remove", "release": "", "who": ""}, "shop: removal ended on web1, web2"),
    ],
)
def test_text_says_what_happened(changes: dict[str, Any], text: str) -> None:
    event = {
        "event": "end",
        "kind": "release",
        "release": "1.4.1",
        "app": "shop",
        "who": "ada@laptop",
        "hosts": ["web1", "web2"],
    }
    assert completed({**event, **changes}, at=7)["text"] == text


def test_text_takes_a_label() -> None:
    event = completed({"event": "end", "kind": "maintenance", "app": "shop"}, at=7)
    assert told(event, "maintenance on") == "shop: maintenance on ended on no host"


def test_text_names_some_hosts_and_counts_the_others() -> None:
    hosts = [f"web{number}" for number in range(1, 11)]
    assert named(hosts) == "web1, web2, web3, web4, web5, web6, web7, web8 and 2 more"


def test_texts_have_no_secret_in_any_form() -> None:
    token = 'the-secret "token" of the host'
    event = completed(
        {
            "event": "failed",
            "app": "shop",
            "text": f"it said\n{token}",
            "detail": [json.dumps(token), f"x {base64.b64encode(token.encode()).decode()} y"],
            "receipt": {"by_release": {token: {"requests": 1}}},
        },
        at=7,
    )
    cleaned = without_secrets(event, [{}, {"TOKEN": token}, {"OTHER": "another-secret"}])
    shown = json.dumps(cleaned)
    assert "secret" not in shown
    assert base64.b64encode(b"the-secret").decode()[:-2] not in shown
    assert cleaned["text"] == "it said <TOKEN>"
    assert cleaned["receipt"]["by_release"] == {"<TOKEN>": {"requests": 1}}


def test_hosts_of_one_application_may_have_different_secrets_of_one_name() -> None:
    event = completed({"event": "failed", "text": "first-secret second-secret"}, at=7)
    secrets = [{"TOKEN": "first-secret"}, {"TOKEN": "second-secret"}]
    assert without_secrets(event, secrets)["text"] == "<TOKEN> <TOKEN>"


def test_texts_steer_no_terminal() -> None:
    event = completed({"event": "failed", "text": "a\x1b[2J", "detail": ["b\x07"]}, at=7)
    cleaned = without_secrets(event, [])
    assert (cleaned["text"], cleaned["detail"]) == ("a\\x1b[2J", ["b\\x07"])
