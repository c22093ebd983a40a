"""What is wrong with backups, and how they are shown."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.backups import (
    backup_lines,
    backup_needs,
    backup_remarks,
)

NOW = 1795241400
HOUR = 3600
WANTED = {"alert_age": 26 * HOUR, "schedule": "daily"}


def attempt(old: int, problem: str = "", **more: object) -> dict[str, Any]:
    return {
        "began": NOW - old,
        "by": "the timer",
        "good": not problem,
        "problem": problem,
        "lines": ["no space"] if problem else [],
        "size": 1204224,
        "folder": "" if problem else "/var/backups/shop/x",
        **more,
    }


def backups(
    good: dict[str, Any] | None = None, last: dict[str, Any] | None = None, **more: object
) -> dict[str, Any]:
    return {
        "at": NOW,
        "last_good": good["began"] if good else None,
        "good": good,
        "last": last or good,
        "timer": True,
        "running": False,
        **more,
    }


OTHER = backups(timer=False)


def state(found: dict[str, Any] | None) -> dict[str, Any]:
    return {"application": "shop", "live": {"slot": "blue"}, "backups": found}


def found(
    web1: dict[str, Any], web2: dict[str, Any] = OTHER, wanted: dict[str, Any] = WANTED
) -> list[str]:
    states = {"web1": state(web1), "web2": state(web2)}
    return [f"{host}: {need.seen}" for host, need in backup_needs("shop", wanted, states)]


@pytest.mark.parametrize(
    ("web1", "web2"),
    [
        (backups(attempt(HOUR)), OTHER),
        # Where the migration was, which is not where the timer is.
        (backups(attempt(99 * HOUR)), backups(attempt(60), timer=False)),
        (backups(running=True), OTHER),
    ],
)
def test_fleet_with_a_fresh_backup_has_no_finding(
    web1: dict[str, Any], web2: dict[str, Any]
) -> None:
    assert found(web1, web2) == []


def test_fleet_that_wants_none_has_no_finding() -> None:
    assert found(OTHER, OTHER, {}) == []


@pytest.mark.parametrize(
    ("web1", "told"),
    [
        (backups(), "no good backup of shop is known on its hosts"),
        (
            backups(attempt(30 * HOUR)),
            "the last good backup of shop is 30 h old; expected at most 26 h "
            "(app_backup.alert_age)",
        ),
        (
            backups(attempt(2 * HOUR), attempt(HOUR, "its check 'x' failed: exit status 1")),
            "the last backup of shop failed 1 h ago: its check 'x' failed: exit status 1",
        ),
        (
            backups(attempt(HOUR), timer=False),
            "no timer makes backups of shop between releases",
        ),
    ],
    ids=["never", "old", "failed", "no timer"],
)
def test_each_fault_is_a_finding_of_its_host(web1: dict[str, Any], told: str) -> None:
    assert found(web1) == [f"web1: {told}"]


def test_second_timer_is_a_finding() -> None:
    assert found(backups(attempt(60)), backups()) == [
        "web2: a timer makes backups of shop here, and one on web1"
    ]


def test_without_a_schedule_no_timer_is_missed() -> None:
    assert found(backups(attempt(60), timer=False), OTHER, WANTED | {"schedule": ""}) == []


def test_host_that_did_not_answer_may_have_the_timer() -> None:
    states: dict[str, Any] = {"web1": {"error": "no answer"}, "web2": state(OTHER)}
    needs = [need.seen for _host, need in backup_needs("shop", WANTED, states)]
    assert needs == ["no good backup of shop is known on its hosts"]


def test_host_that_limit_leaves_out_may_have_it_all() -> None:
    states = {"web2": state(OTHER)}
    assert list(backup_needs("shop", WANTED, states, whole=False)) == []
    # The one that makes them is asked: it says what there is.
    states = {"web2": state(backups(attempt(30 * HOUR)))}
    ((host, need),) = backup_needs("shop", WANTED, states, whole=False)
    assert (host, need.seen[:39]) == ("web2", "the last good backup of shop is 30 h ol")


def test_backup_of_a_host_that_the_timer_has_left_counts() -> None:
    """As after a drain: the next host has made none yet."""
    drained = backups(attempt(HOUR), timer=False)
    assert found(drained, backups()) == []


@pytest.mark.parametrize(("failed", "finding"), [(3 * HOUR, False), (HOUR, True)])
def test_failure_counts_until_another_host_has_made_one(failed: int, finding: bool) -> None:
    """The host that the timer has left makes none again: `backup.yml` makes it elsewhere."""
    left = backups(attempt(9 * HOUR), attempt(failed, "its check 'x' failed"), timer=False)
    told = ["web1: the last backup of shop failed 1 h ago: its check 'x' failed"]
    assert found(left, backups(attempt(2 * HOUR))) == (told if finding else [])


def test_application_without_a_live_release_has_no_finding() -> None:
    states = {"web1": state(OTHER) | {"live": None}}
    assert list(backup_needs("shop", WANTED, states)) == []


def test_status_says_it_of_hosts_that_have_backups() -> None:
    (line,) = backup_remarks("web1", state(backups(attempt(HOUR))))
    assert line == (
        "web1: the last good backup of shop is 1 h old (21 November 2026, 05:10:00 UTC, by the "
        "timer), 1,204,224 bytes in /var/backups/shop/x; a timer makes them here"
    )
    assert list(backup_remarks("web2", state(OTHER))) == []
    assert list(backup_remarks("web3", {"error": "no answer"})) == []


def test_attempt_that_failed_is_shown_with_its_output() -> None:
    deployment = {"app_name": "shop"}
    failed = backups(attempt(2 * HOUR), attempt(HOUR, "its command 'x' failed: exit status 1"))
    hostvars: dict[str, Any] = {
        "web1": {"deployment": deployment, "backup_result": {"backups": failed}},
        "web2": {"deployment": deployment, "backup_result": {"msg": "unreachable"}},
        "web3": {"deployment": deployment},
        "web4": {"deployment": deployment, "backup_result": {"backups": OTHER}},
    }
    lines = backup_lines(hostvars, hostvars)
    assert lines[0].endswith("; THE LAST ONE FAILED 1 h ago: its command 'x' failed: exit status 1")
    assert lines[1:] == [
        "  its command 'x' failed: exit status 1",
        "  no space",
        "web2: unreachable",
        "web4: no good backup of shop; no timer here",
    ]
