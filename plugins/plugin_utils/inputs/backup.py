"""Checks `app_backup`: how a backup of the application's data is made, and how old it may be."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs import calendar
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.commands import (
    refuse_long,
    seen_command,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import (
    Findings,
    Problem,
    fold,
    is_command,
    seen,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.timers import schedule
from ansible_collections.asgi.fleet.plugins.plugin_utils.text.numbers import integer

KEYS = ("command", "check", "max_age", "alert_age", "schedule", "timeout", "keep")
#: Seconds up to which a rollout makes no new one.
MAX_AGE = 3600
#: Seconds from which `verify` names the last good one: a day, and two hours for a long one.
ALERT_AGE = 26 * 3600
SCHEDULE = "daily"
TIMEOUT = 3600
KEEP = 7

LONGEST = 366 * 24 * 3600
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 24 * 3600}
_DURATION = re.compile(r"([0-9]{1,9})\s*([smhd]?)")
_DURATION_EXPECTED = "a time such as 45m, 1h or 2d, from 1 s to 366 days"


def backup(value: object, findings: Findings) -> dict[str, Any]:
    """Check how backups are made; return every key, times in seconds, or nothing for no backups."""
    if value == {} or value is None:
        return {}
    if not isinstance(value, dict):
        findings.refuse(seen(value), "a mapping of command, check and more")
        return {}
    for key in sorted(str(key) for key in value.keys() - set(KEYS)):
        findings.refuse(
            "not a key", f"{', '.join(KEYS[:-1])} and {KEYS[-1]}", "remove it", at=f".{key}"
        )
    valid = len(findings.problems)
    when = _schedule(value, findings)
    if "alert_age" not in value and len(findings.problems) == valid and when:
        _refuse_rarer(when, findings)
    return {
        "command": _command(value, "command", findings),
        "check": _command(value, "check", findings),
        "max_age": _duration(value, "max_age", MAX_AGE, findings),
        "alert_age": _duration(value, "alert_age", ALERT_AGE, findings),
        "schedule": when,
        "timeout": _number(value, "timeout", TIMEOUT, 86_400, "a number of seconds", findings),
        "keep": _number(value, "keep", KEEP, 1000, "a number of backups", findings),
    }


def uneven(deployments: Mapping[str, Mapping[str, Any]]) -> list[Problem]:
    """Return a problem for each application that has backups on some of its hosts alone.

    Args:
        deployments: The checked variables of each host that is deployed to; may lack invalid ones.
    """
    hosts_of: dict[str, dict[bool, list[str]]] = {}
    for host, one in deployments.items():
        if "app_name" in one and "app_backup" in one:
            hosts = hosts_of.setdefault(one["app_name"], {True: [], False: []})
            hosts[bool(one["app_backup"])].append(host)
    problems = []
    for app, hosts in hosts_of.items():
        if hosts[True] and hosts[False]:
            findings = Findings("app_backup")
            findings.refuse(
                f"set on {hosts[True][0]} and not on {hosts[False][0]}, which both deploy {app}",
                "it on all of them or on none, since whichever comes first migrates, and the timer "
                "moves",
                "set it in group_vars/app.yml",
            )
            named = (hosts[True][0], hosts[False][0])
            problems += [replace(problem, hosts=named) for problem in findings.problems]
    return problems


def skip_problems(skip: object, deployments: Sequence[Mapping[str, Any]]) -> list[Problem]:
    """Return what is wrong with `skip_backup`, which goes on without one.

    Args:
        skip: Its value; None if it is not set.
        deployments: The checked variables of the hosts of this run.
    """
    known = sorted({str(one["app_name"]) for one in deployments if one.get("app_backup")})
    if skip is None or skip in known:
        return []
    findings = Findings("skip_backup")
    findings.refuse(
        seen(skip),
        "the app_name of an application of this run that has app_backup"
        + (f": {' or '.join(known)}" if known else ", and none has"),
        f"write -e skip_backup={known[0]}" if known else "remove it",
    )
    return findings.problems


def _command(value: Mapping[str, Any], key: str, findings: Findings) -> str:
    command = value.get(key)
    if not is_command(command):
        todo = fold(command)
        if key == "check" and not todo:
            todo = "write one that fails if the backup cannot be read (docs/backups.md)"
        findings.refuse(seen_command(command), "a command on one line", todo, at=f".{key}")
    else:
        refuse_long([str(command)], findings, f".{key}")
    return str(command)


def _duration(value: Mapping[str, Any], key: str, default: int, findings: Findings) -> int:
    given = value.get(key, default)
    found = None if isinstance(given, bool) else _DURATION.fullmatch(str(given).strip())
    seconds = int(found[1]) * _UNITS[found[2] or "s"] if found else 0
    if not 1 <= seconds <= LONGEST:
        findings.refuse(seen(given), _DURATION_EXPECTED, at=f".{key}")
    return seconds


def _schedule(value: Mapping[str, Any], findings: Findings) -> str:
    given = value.get("schedule", SCHEDULE)
    return "" if given == "" else schedule(given, findings, ".schedule", "; empty for never")


def _refuse_rarer(when: str, findings: Findings) -> None:
    """Refuse a schedule whose backups would be a finding of `verify` on most days."""
    if not calendar.is_daily(when):
        findings.refuse(
            f"not set, and the schedule ({seen(when)}) is not for every day",
            f"the age from which verify names the last backup; without one it is "
            f"{ALERT_AGE // 3600}h",
            "write the longest time between two backups and some hours, such as 8d for a week",
            at=".alert_age",
        )


def _number(
    value: Mapping[str, Any], key: str, default: int, most: int, what: str, findings: Findings
) -> int:
    whole = integer(value.get(key, default))
    if whole is None or not 1 <= whole <= most:
        findings.refuse(seen(value[key]), f"{what} from 1 to {most}", at=f".{key}")
    return whole or default
