"""Timers as text: where they elapse, how they last ended, and what is wrong with them."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.timers import (
    timer_lines,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.upkeep import timer_needs

TIMER: dict[str, Any] = {
    "name": "report",
    "schedule": "*-*-* 02:30 UTC",
    "once_per_fleet": False,
    "due": True,
    "active": True,
    "running": False,
    "next": 1795401000,
    "last": 1795314600,
    "overdue": 0,
    "spent": False,
    "problem": "",
}
ONCE = {**TIMER, "once_per_fleet": True}
ELSEWHERE = {**ONCE, "due": False, "active": False, "next": 0}


def state(*timers: dict[str, Any]) -> dict[str, Any]:
    return {"application": "shop", "at": 1795314700, "timers": list(timers)}


def test_timer_is_one_line_for_all_its_hosts() -> None:
    states = {"web1": state(TIMER), "web2": state(TIMER)}
    assert timer_lines(states) == [
        "shop: timer report: next 2026-11-23 02:30 UTC on web1, web2; "
        "last 2026-11-22 02:30 UTC, none failed"
    ]


def test_line_tells_who_runs_and_who_failed() -> None:
    later = {**TIMER, "running": True, "next": 0, "problem": "exit status 1", "last": 1795314660}
    hosts = ("web1", "web2", "web3", "web4", "web5")
    states = {host: state(TIMER) for host in hosts} | {"web2": state(later)}
    assert timer_lines(states) == [
        "shop: timer report: next 2026-11-23 02:30 UTC on web1, web2, web3 and 2 more; "
        "runs now on web2; last 2026-11-22 02:30 to 2026-11-22 02:31 UTC, failed on web2"
    ]


def test_line_of_one_that_only_one_host_runs() -> None:
    never = {**ONCE, "last": 0, "next": 0}
    assert timer_lines({"web1": state(ELSEWHERE), "web2": state(never)}) == [
        "shop: timer report: next not known on web2"
    ]
    assert timer_lines({"web1": state(ELSEWHERE)}) == ["shop: timer report elapses on no host"]
    assert timer_lines({"web1": None, "web2": {"error": "no answer"}}) == []


def test_line_tells_why_the_next_run_is_not_known() -> None:
    late = {**TIMER, "running": True, "next": 0, "overdue": 1795401000}
    assert timer_lines({"web1": state(late)}) == [
        "shop: timer report: next after its run on web1; runs now on web1; "
        "due since 2026-11-23 02:30 UTC on web1; last 2026-11-22 02:30 UTC, none failed"
    ]
    spent = {**TIMER, "next": 0, "spent": True}
    assert timer_lines({"web1": state(spent)}) == [
        "shop: timer report: next never again on web1; last 2026-11-22 02:30 UTC, none failed"
    ]


@pytest.mark.parametrize(
    ("more", "severity", "seen", "todo"),
    [
        (
            {"running": True, "overdue": 1795401000},
            "warning",
            "a run of the timer report goes on, and the next is due since 2026-11-23 02:30 UTC",
            "journalctl -u shop@timer-report.service -n 50; let it end, or end it: "
            "systemctl stop shop@timer-report.service; then lower its timeout, or have it elapse "
            "less often",
        ),
        (
            {"overdue": 1795314600},
            "fault",
            "a run of the timer report is due since 2026-11-22 02:30 UTC, and has not begun",
            "see what its start waits for: systemctl list-jobs; "
            "systemctl status shop@timer-report.service",
        ),
        (
            {"spent": True, "schedule": "2026-11-22 02:30"},
            "note",
            "the timer report elapses never again (2026-11-22 02:30); app_timers can do without it",
            "remove it from app_timers",
        ),
    ],
)
def test_run_that_does_not_come_is_found(
    more: dict[str, object], severity: str, seen: str, todo: str
) -> None:
    found = list(timer_needs(state({**TIMER, **more})))
    assert [(need.severity, need.seen, need.todo) for need in found] == [(severity, seen, todo)]
    elsewhere = {**TIMER, **more, "due": False, "running": False, "overdue": 0}
    assert list(timer_needs(state(elsewhere))) == []


def test_failed_run_and_stopped_timer_are_faults() -> None:
    bad = {**TIMER, "active": False, "problem": "exit status 3"}
    found = [(need.severity, need.seen, need.todo) for need in timer_needs(state(bad))]
    assert found == [
        (
            "fault",
            "the last run of the timer report failed: exit status 3",
            "journalctl -u shop@timer-report.service -n 50; "
            "to run it again: systemctl start shop@timer-report",
        ),
        (
            "fault",
            "the timer report does not elapse: shop@timer-report.timer is stopped",
            "systemctl start shop@timer-report.timer, or run ansible-playbook deploy.yml",
        ),
    ]
    assert list(timer_needs(state(TIMER, ELSEWHERE))) == []
    assert list(timer_needs({"application": "shop"})) == []
