"""What the end of a failed run says: the reason that a person can act on."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.failures import (
    early_end,
    failure_reason,
)

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


REFUSED = {"is_refusal": True, "failed": False, "msg": "cannot be built:\n  Python 3.11.2"}
FOLLOWS = {"failed": True, "msg": "the reasons are below", "reason_follows": True}


def ended(**hostvars: dict[str, Any]) -> list[str]:
    return early_end(hostvars, hostvars, "not begun")


def test_reason_is_told_once_with_its_hosts() -> None:
    other = REFUSED | {"msg": "cannot be built:\n  Python 3.13.5"}
    lines = ended(
        web1={"python_release_result": REFUSED, "ansible_failed_result": FOLLOWS},
        web2={"python_release_result": other},
        web3={"python_release_result": {"changed": True}},
        web4={"rollout_begun": {"failed": True, "msg": "is locked"}},
    )
    # What differs below the first line, such as versions and times, makes no other reason.
    assert lines == ["web1, web2: cannot be built:\n  Python 3.11.2", "web3, web4: not begun"]


def test_failed_task_is_a_reason_unless_it_says_that_one_follows() -> None:
    lines = ended(
        web1={"ansible_failed_result": FOLLOWS},
        web2={"ansible_failed_result": {"failed": True, "msg": "disk full"}},
        web3={"__hook_once": {"skipped": True}, "ansible_failed_result": {}},
    )
    assert lines == ["web2: disk full", "web1, web3: not begun"]


def test_host_that_did_not_answer_is_named_as_such() -> None:
    gone = {"rollout_begun": {"unreachable": True, "msg": "Connection timed out"}}
    assert ended(web1={}, web2=gone) == ["web2: did not answer", "web1: not begun"]


def test_nothing_is_told_of_no_host() -> None:
    assert ended() == []
