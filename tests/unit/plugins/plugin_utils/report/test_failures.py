"""What the end of a failed run says: the reason that a person can act on."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.failures import failure_reason

ITEMS: list[dict[str, Any]] = [
    {"msg": "fine"},
    {"failed": True, "msg": "web2 gets no traffic"},
    {"failed": True},
]


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        ({"failed": True, "msg": "disk full\n"}, "disk full"),
        ({"failed": True, "msg": "One or more items failed", "results": ITEMS}, ITEMS[1]["msg"]),
        ({"failed": True, "msg": "no answer", "state": {"health": 0}}, "no answer"),
        ({"failed": True, "msg": ""}, "another host failed"),
        ({}, "another host failed"),
        (None, "another host failed"),
    ],
    ids=["message", "loop", "message and state", "empty", "none", "no one"],
)
def test_reason_is_what_a_person_can_act_on(result: dict[str, Any] | None, reason: str) -> None:
    assert failure_reason(result, "another host failed") == reason
