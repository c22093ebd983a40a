"""The events of a rollout, from its record."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.notify.rollouts import rollout_events

RECEIPT = {"requests": 1200, "failed": 0}


def record(**changes: object) -> dict[str, Any]:
    app = {
        "domain": "shop.example.com",
        "release": "1.4.1-2c26b46b",
        "before": ["1.4.0-9f86d081"],
        "waves": [["web1"], ["web2", "web3"]],
        "outcome": "succeeded",
        "reason": "",
    }
    return {
        "schema": 1,
        "id": "20261128T101112-5f3a",
        "kind": "release",
        "who": "ada@laptop",
        "began_at": 10.0,
        "ended_at": 20.0,
        "outcome": "succeeded",
        "reason": "",
        "next": ["ansible-playbook deploy.yml"],
        "apps": {"shop": {**app, **changes}},
        "hosts": {},
        "receipt": RECEIPT,
    }


def test_end_of_a_rollout_has_what_its_record_has() -> None:
    assert rollout_events(record(), pages={"shop": "/x/shop.html"}) == [
        {
            "event": "end",
            "kind": "release",
            "id": "20261128T101112-5f3a",
            "app": "shop",
            "release": "1.4.1-2c26b46b",
            "before": "1.4.0-9f86d081",
            "who": "ada@laptop",
            "hosts": ["web1", "web2", "web3"],
            "at": 20.0,
            "text": "shop: release of 1.4.1-2c26b46b ended on web1, web2, web3 (ada@laptop)",
            "detail": [],
            "receipt": RECEIPT,
            "page": "/x/shop.html",
        }
    ]


@pytest.mark.parametrize(
    ("outcome", "event"),
    [
        ("succeeded", "end"),
        ("reverted", "reverted"),
        ("failed", "failed"),
        ("refused", "failed"),
        ("interrupted", "failed"),
    ],
)
def test_event_follows_from_the_outcome(outcome: str, event: str) -> None:
    assert [one["event"] for one in rollout_events(record(outcome=outcome))] == [event]


def test_failure_has_its_reason_and_the_next_command() -> None:
    (event,) = rollout_events(record(outcome="reverted", reason="web2: no index\n  line 2"))
    assert event["detail"] == [
        "web2: no index",
        "  line 2",
        "next: ansible-playbook deploy.yml",
    ]
    assert event["text"].startswith(
        "shop: release of 1.4.1-2c26b46b was reverted to 1.4.0-9f86d081"
    )


def test_begin_needs_no_outcome() -> None:
    beginning = record(outcome=None)
    beginning |= {"outcome": None, "receipt": None, "ended_at": None}
    (event,) = rollout_events(beginning, beginning=True)
    assert (event["event"], event["at"], event["receipt"]) == ("begin", 10.0, None)


def test_receipt_of_several_applications_is_of_none() -> None:
    several = record()
    several["apps"]["blog"] = several["apps"]["shop"]
    assert [one["receipt"] for one in rollout_events(several)] == [None, None]


def test_outcome_that_no_rollout_has_is_refused() -> None:
    with pytest.raises(ValueError, match="outcome is None; expected succeeded, reverted"):
        rollout_events(record(outcome=None) | {"outcome": None})
