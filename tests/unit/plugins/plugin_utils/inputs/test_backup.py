"""What `app_backup` may say, and what the command line may say of a backup."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.backup import (
    backup,
    skip_problems,
    uneven,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.examination import (
    Examination,
    judge,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import Findings

LEAST = {"command": "pg_dump", "check": "pg_restore -l"}
SET = "set it in group_vars/app.yml"
FOLD = "write it on one line, or behind >- instead of | or >"
CALENDAR = "OnCalendar= of systemd.time(7), such as *-*-* 02:30:00 UTC or hourly; empty for never"
MEANS = "correct it; systemd-analyze calendar shows what an expression means"
TIME = "a time such as 45m, 1h or 2d, from 1 s to 366 days"


def checked(value: object) -> tuple[dict[str, Any], list[str]]:
    findings = Findings("app_backup")
    return backup(value, findings), [one.message for one in findings.problems]


def test_least_that_is_said_gets_every_default() -> None:
    assert checked(LEAST) == (
        {
            "command": "pg_dump",
            "check": "pg_restore -l",
            "max_age": 3600,
            "alert_age": 93_600,
            "schedule": "daily",
            "timeout": 3600,
            "keep": 7,
        },
        [],
    )


@pytest.mark.parametrize("value", [{}, None])
def test_no_backups_are_none(value: object) -> None:
    assert checked(value) == ({}, [])


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("45m", 2700),
        ("1h", 3600),
        ("2d", 172_800),
        ("90", 90),
        (90, 90),
        ("30s", 30),
        ("1 h", 3600),
    ],
)
def test_time_is_read_with_its_unit(value: object, seconds: int) -> None:
    found, problems = checked(LEAST | {"max_age": value})
    assert (found["max_age"], problems) == (seconds, [])


@pytest.mark.parametrize(
    "schedule",
    ["", "hourly", "03:30", "Mon..Fri *-*-* 04:00:00", "*:0/15", "Sat,Sun 12:00 Europe/Berlin"],
)
def test_schedule_of_systemd_passes(schedule: str) -> None:
    assert checked(LEAST | {"schedule": schedule, "alert_age": "4d"})[1] == []


def test_schedule_that_leaves_days_out_needs_an_age_of_its_own() -> None:
    """A weekly backup would be a finding of `verify` on six days of seven."""
    told = (
        "app_backup.alert_age is not set, and the schedule (Sun 03:30) is not for every day; "
        "expected the age from which verify names the last backup; without one it is 26h; "
        "write the longest time between two backups and some hours, such as 8d for a week"
    )
    assert checked(LEAST | {"schedule": "Sun 03:30"})[1] == [told]
    assert checked(LEAST | {"schedule": "Sun 03:30", "alert_age": "8d"})[1] == []
    assert checked(LEAST | {"schedule": ""})[1] == []


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("pg_dump", f"app_backup is pg_dump; expected a mapping of command, check and more; {SET}"),
        (
            {"command": "pg_dump"},
            "app_backup.check is empty; expected a command on one line; write one that fails if "
            "the backup cannot be read (docs/backups.md)",
        ),
        (
            {"check": "true", "command": "a\0b"},
            "app_backup.command is a b, which has the character U+0000; expected a command on one "
            f"line; {SET}",
        ),
        (
            {"check": "true", "command": "a\nb"},
            f"app_backup.command is a b; expected a command on one line; {FOLD}",
        ),
        # As YAML's | leaves it.
        (
            {"check": "true\n", "command": "a"},
            f"app_backup.check is true ; expected a command on one line; {FOLD}",
        ),
        (
            LEAST | {"every": "1h"},
            "app_backup.every is not a key; expected command, check, max_age, alert_age, schedule, "
            "timeout and keep; remove it",
        ),
        (LEAST | {"max_age": "soon"}, f"app_backup.max_age is soon; expected {TIME}; {SET}"),
        (LEAST | {"max_age": 0}, f"app_backup.max_age is 0; expected {TIME}; {SET}"),
        (LEAST | {"alert_age": True}, f"app_backup.alert_age is true; expected {TIME}; {SET}"),
        (LEAST | {"alert_age": "400d"}, f"app_backup.alert_age is 400d; expected {TIME}; {SET}"),
        (
            LEAST | {"schedule": "nightly"},
            "app_backup.schedule is nightly (nightly is neither a date such as *-*-01 nor a time "
            f"such as 02:30); expected {CALENDAR}; {MEANS}",
        ),
        (
            LEAST | {"schedule": "25:00"},
            f"app_backup.schedule is 25:00 (the hour is 25; 0 to 23); expected {CALENDAR}; {MEANS}",
        ),
        (
            LEAST | {"schedule": 150},
            f"app_backup.schedule is 150; expected {CALENDAR}; write it in quotes in "
            "group_vars/app.yml",
        ),
        (
            LEAST | {"schedule": None},
            f"app_backup.schedule is not set; expected {CALENDAR}; write it in quotes in "
            "group_vars/app.yml",
        ),
        (
            LEAST | {"schedule": "daily\n[Service]\nUser=root"},
            "app_backup.schedule is daily [Service] User=root (daily [Service] is neither a date "
            f"such as *-*-01 nor a time such as 02:30); expected {CALENDAR}; {MEANS}",
        ),
        (
            LEAST | {"timeout": "1h"},
            f"app_backup.timeout is 1h; expected a number of seconds from 1 to 86400; {SET}",
        ),
        (
            LEAST | {"keep": 0},
            f"app_backup.keep is 0; expected a number of backups from 1 to 1000; {SET}",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(value: object, told: str) -> None:
    assert checked(value)[1] == [told]


def test_backups_of_some_hosts_alone_are_refused() -> None:
    """The migration of a host without them would need no backup."""
    shop, none = {"app_name": "shop", "app_backup": LEAST}, {"app_name": "shop", "app_backup": {}}
    (problem,) = uneven({"web1": none, "web2": shop, "web3": none, "web4": {}})
    assert problem.hosts == ("web2", "web1")
    assert problem.message == (
        "app_backup is set on web2 and not on web1, which both deploy shop; expected it on all of "
        "them or on none, since whichever comes first migrates, and the timer moves; set it in "
        "group_vars/app.yml"
    )
    examined = {name: Examination(one) for name, one in {"web1": none, "web2": shop}.items()}
    assert "app_backup" in [one.variable for one in judge(examined)]
    other = LEAST | {"command": "pg_dump --label web2"}
    assert uneven({"web1": shop, "web2": shop | {"app_backup": other}}) == []
    assert uneven({"web1": shop, "blog1": none | {"app_name": "blog"}}) == []


SHOP = {"app_name": "shop", "app_backup": LEAST}
BLOG = {"app_name": "blog", "app_backup": {}}


@pytest.mark.parametrize("skip", [None, "shop"])
def test_application_with_backups_may_go_on_without(skip: object) -> None:
    assert skip_problems(skip, [SHOP, BLOG]) == []


@pytest.mark.parametrize(
    ("skip", "deployments", "told"),
    [
        (
            "true",
            [SHOP, BLOG],
            "skip_backup is true; expected the app_name of an application of this run that has "
            "app_backup: shop; write -e skip_backup=shop",
        ),
        (
            "blog",
            [BLOG],
            "skip_backup is blog; expected the app_name of an application of this run that has "
            "app_backup, and none has; remove it",
        ),
    ],
)
def test_other_one_is_refused(skip: object, deployments: list[dict[str, Any]], told: str) -> None:
    assert [one.message for one in skip_problems(skip, deployments)] == [told]
