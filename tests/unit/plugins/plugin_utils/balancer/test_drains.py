"""What is said of a drain: what it did, where, and what it has left."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.balancer.drains import drain_lines


def result(*changed: str, seconds: float = 0.0, **sessions: int) -> dict[str, Any]:
    return {
        "changed_servers": [f"shop/{host}" for host in changed],
        "sessions": {f"shop/{host}": count for host, count in sessions.items()},
        "waited_seconds": seconds,
    }


def test_drain_says_what_it_did_at_which_balancers() -> None:
    told = {"lb1": result("web2", web2=0, seconds=3.1), "lb2": result("web2", web2=0, seconds=0.5)}
    assert drain_lines(told, "drained") == [
        "web2: drained at lb1, lb2; no request is open (waited 3 s)"
    ]


def test_drain_says_what_is_still_open_when_its_time_is_over() -> None:
    told = {"lb1": result("web2", web2=1, seconds=60.2), "lb2": result("web2", web2=2)}
    assert drain_lines(told, "drained") == [
        "web2: drained at lb1, lb2; 3 requests are still open (waited 60 s); to wait longer: "
        "-e drain_seconds=300"
    ]


@pytest.mark.parametrize(
    ("state", "check_mode", "line"),
    [
        ("drained", False, "already drained at lb1; no request is open"),
        ("drained", True, "already drained at lb1"),
        ("ready", False, "already in traffic at lb1"),
        ("ready", True, "already in traffic at lb1"),
    ],
)
def test_host_that_is_so_already_is_not_said_to_be_changed(
    state: str, check_mode: bool, line: str
) -> None:
    assert drain_lines({"lb1": result(web2=0)}, state, check_mode=check_mode) == [f"web2: {line}"]


def test_check_mode_says_what_would_be_done() -> None:
    told = {"lb1": result("web2", web2=4), "lb2": result(web2=0)}
    assert drain_lines(told, "drained", check_mode=True) == [
        "web2: would be drained at lb1; already drained at lb2"
    ]


def test_end_of_a_drain_says_that_the_host_gets_requests() -> None:
    told = {"lb1": result("web1", "web2", web1=0, web2=0, seconds=2.0)}
    assert drain_lines(told, "ready") == [
        "web1: returned to traffic at lb1; it gets requests again (waited 2 s)",
        "web2: returned to traffic at lb1; it gets requests again (waited 2 s)",
    ]
