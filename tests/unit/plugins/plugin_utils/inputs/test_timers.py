"""The check of `app_timers`."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import Findings
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.timers import KEYS, Timer, timers

REPORT: dict[str, Any] = {
    "name": "report",
    "command": "python -m shop.report",
    "schedule": "*-*-*  02:30 UTC",
}
IN_QUOTES = "write it in quotes in group_vars/app.yml"
EXPECTED = "expected OnCalendar= of systemd.time(7), such as *-*-* 02:30:00 UTC or hourly"


def checked(value: object) -> tuple[list[Timer], list[str]]:
    findings = Findings("app_timers")
    found = timers(value, findings)
    return found, [problem.message for problem in findings.problems]


def test_timer_gets_every_key() -> None:
    assert checked([REPORT]) == (
        [
            {
                "name": "report",
                "command": "python -m shop.report",
                "schedule": "*-*-* 02:30 UTC",
                "persistent": False,
                "once_per_fleet": False,
                "jitter": 0,
                "timeout": 3600,
                "memory_mb": 256,
                "stop_signal": "SIGTERM",
            }
        ],
        [],
    )
    assert set(checked([REPORT])[0][0]) == set(KEYS)


def test_timers_are_in_the_order_of_their_names() -> None:
    found, problems = checked([REPORT, {**REPORT, "name": "backup"}])
    assert ([timer["name"] for timer in found], problems) == (["backup", "report"], [])


def test_tab_in_a_command_is_a_space_to_the_shell() -> None:
    found, problems = checked([{**REPORT, "command": "report\t--all"}])
    assert (found[0]["command"], problems) == ("report\t--all", [])


def test_numbers_and_booleans_may_come_as_text() -> None:
    found, problems = checked([{**REPORT, "timeout": "60", "persistent": "yes", "jitter": "5"}])
    assert (found[0]["timeout"], found[0]["persistent"], found[0]["jitter"]) == (60, True, 5)
    assert problems == []


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            {"report": "hourly"},
            'app_timers is {"report": "hourly"}; expected a list of timers, each '
            "{name, command, schedule}; set it in group_vars/app.yml",
        ),
        (
            ["report"],
            "app_timers[0] is report; expected a mapping with name, command and schedule; "
            "set it in group_vars/app.yml",
        ),
        (
            [{**REPORT, "name": "Nightly Report"}],
            "app_timers[0].name is Nightly Report; expected a lower-case letter and then at most "
            "30 of a-z, 0-9 and -, such as nightly-report; set it in group_vars/app.yml",
        ),
        (
            [{**REPORT, "name": "r" * 32}],
            f"app_timers[0].name is {'r' * 32}; expected a lower-case letter and then at most "
            "30 of a-z, 0-9 and -, such as nightly-report; set it in group_vars/app.yml",
        ),
        (
            [{**REPORT, "user": "root"}],
            f"app_timers[report].user is not a key; expected {', '.join(KEYS)}; remove it",
        ),
        (
            [{**REPORT, "command": "one\ntwo"}],
            "app_timers[report].command is one two; expected a command of the release on one "
            "line; set it in group_vars/app.yml",
        ),
        (
            [{**REPORT, "command": "report\u00a0--all"}],
            "app_timers[report].command is report --all, which has the character U+00A0; expected "
            "a command of the release on one line; set it in group_vars/app.yml",
        ),
        (
            [{**REPORT, "schedule": "30 2 * * *"}],
            "app_timers[report].schedule is 30 2 * * * (30 2 * * is neither a date such as "
            f"*-*-01 nor a time such as 02:30); {EXPECTED}; correct it; systemd-analyze calendar "
            "shows what an expression means",
        ),
        (
            [{**REPORT, "schedule": 150}],
            f"app_timers[report].schedule is 150; {EXPECTED}; {IN_QUOTES}",
        ),
        (
            [{"name": "report", "command": "true"}],
            f"app_timers[report].schedule is not set; {EXPECTED}; {IN_QUOTES}",
        ),
        (
            [{**REPORT, "timeout": 0}],
            "app_timers[report].timeout is 0; expected a number of seconds from 1 to 86400; "
            "set it in group_vars/app.yml",
        ),
        (
            [{**REPORT, "memory_mb": "256M"}],
            "app_timers[report].memory_mb is 256M; expected a number of MB from 16 to 1048576; "
            "set it in group_vars/app.yml",
        ),
        (
            [{**REPORT, "persistent": "always"}],
            "app_timers[report].persistent is always; expected true or false; "
            "set it in group_vars/app.yml",
        ),
        (
            [{**REPORT, "stop_signal": "KILL"}],
            "app_timers[report].stop_signal is KILL; expected SIGTERM, SIGINT, SIGQUIT, SIGHUP, "
            "SIGUSR1 or SIGUSR2; set it in group_vars/app.yml",
        ),
        (
            [REPORT, REPORT],
            "app_timers[1].name is report twice; expected each name once; rename one",
        ),
    ],
)
def test_wrong_timer_is_refused_by_name(value: object, message: str) -> None:
    assert checked(value)[1] == [message]
