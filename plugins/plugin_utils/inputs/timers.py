"""The check of `app_timers`: the commands of a release that systemd runs by the calendar."""

from __future__ import annotations

import re
from typing import TypedDict

from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs import calendar
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.commands import (
    refuse_long,
    seen_command,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import (
    Findings,
    seen,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.text.numbers import integer

SIGNALS = ("SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP", "SIGUSR1", "SIGUSR2")
#: Part of the units' names, `<app_name>@timer-<name>`, and of a folder below /run/<app_name>.
_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
_WORDS = {"true": True, "yes": True, "false": False, "no": False}
#: Smallest and largest number, what is counted, and the default; a day is the longest.
_NUMBERS = {
    "jitter": (0, 86400, "seconds", 0),
    "timeout": (1, 86400, "seconds", 3600),
    "memory_mb": (16, 1048576, "MB", 256),
}
_BOOLEANS = ("persistent", "once_per_fleet")
KEYS = ("name", "command", "schedule", *_BOOLEANS, *_NUMBERS, "stop_signal")


class Timer(TypedDict):
    """One scheduled command.

    Keys:
        name: Part of its units' names.
        command: For /bin/sh.
        schedule: systemd's OnCalendar=.
        persistent: Whether a run that a stopped host has missed is made up for.
        once_per_fleet: Whether only one host of the application runs it.
        jitter: Most seconds by which a run is delayed at random.
        timeout: Seconds after which a run is stopped.
        memory_mb: Memory that a run may use.
        stop_signal: What asks a run to end.
    """

    name: str
    command: str
    schedule: str
    persistent: bool
    once_per_fleet: bool
    jitter: int
    timeout: int
    memory_mb: int
    stop_signal: str


def timers(value: object, findings: Findings) -> list[Timer]:
    """Check the timers; return them with every key, in the order of their names."""
    if not isinstance(value, list):
        findings.refuse(seen(value), "a list of timers, each {name, command, schedule}")
        return []
    normal: list[Timer] = []
    for index, entry in enumerate(value):
        if not isinstance(entry, dict):
            findings.refuse(
                seen(entry), "a mapping with name, command and schedule", at=f"[{index}]"
            )
            continue
        timer = _timer(entry, findings, f"[{index}]")
        if any(timer["name"] == other["name"] for other in normal):
            findings.refuse(
                f"{seen(timer['name'])} twice",
                "each name once",
                "rename one",
                at=f"[{index}].name",
            )
        normal.append(timer)
    return sorted(normal, key=lambda timer: str(timer["name"]))


def _timer(entry: dict[str, object], findings: Findings, place: str) -> Timer:
    name = entry.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        findings.refuse(
            "not set" if name is None else seen(name),
            "a lower-case letter and then at most 30 of a-z, 0-9 and -, such as nightly-report",
            at=f"{place}.name",
        )
    else:
        # A name says more than a number.
        place = f"[{name}]"
    for key in sorted(str(key) for key in entry.keys() - set(KEYS)):
        findings.refuse("not a key", ", ".join(KEYS), "remove it", at=f"{place}.{key}")
    command = entry.get("command")
    if (
        not isinstance(command, str)
        or not command.strip()
        or not command.replace("\t", " ").isprintable()
    ):
        findings.refuse(
            seen_command(command), "a command of the release on one line", at=f"{place}.command"
        )
    else:
        refuse_long([command], findings, f"{place}.command")
    signal = entry.get("stop_signal", "SIGTERM")
    if signal not in SIGNALS:
        findings.refuse(
            seen(signal), f"{', '.join(SIGNALS[:-1])} or {SIGNALS[-1]}", at=f"{place}.stop_signal"
        )
    numbers = {key: _number(entry, key, findings, place) for key in _NUMBERS}
    return {
        "name": str(name),
        "command": str(command),
        "schedule": schedule(entry.get("schedule"), findings, f"{place}.schedule"),
        "persistent": _boolean(entry, "persistent", findings, place),
        "once_per_fleet": _boolean(entry, "once_per_fleet", findings, place),
        "jitter": numbers["jitter"],
        "timeout": numbers["timeout"],
        "memory_mb": numbers["memory_mb"],
        "stop_signal": str(signal),
    }


def schedule(value: object, findings: Findings, at: str, also: str = "") -> str:
    """Check when something elapses; return it with single spaces.

    Args:
        value: What was given.
        findings: Where a problem goes.
        at: The place in the variable.
        also: What is allowed besides a calendar expression, for the message.
    """
    expected = f"OnCalendar= of systemd.time(7), such as *-*-* 02:30:00 UTC or hourly{also}"
    if not isinstance(value, str) or not value.strip():
        # YAML reads 2:30 as a number, in base 60.
        findings.refuse(
            "not set" if value is None else seen(value),
            expected,
            "write it in quotes in group_vars/app.yml",
            at=at,
        )
        return ""
    text = " ".join(value.split())
    try:
        calendar.check(text)
    except calendar.CalendarError as error:
        findings.refuse(
            f"{seen(value)} ({error})",
            expected,
            "correct it; systemd-analyze calendar shows what an expression means",
            at=at,
        )
    return text


def _number(entry: dict[str, object], key: str, findings: Findings, place: str) -> int:
    low, high, unit, default = _NUMBERS[key]
    whole = integer(entry.get(key, default))
    if whole is None or not low <= whole <= high:
        findings.refuse(
            seen(entry[key]), f"a number of {unit} from {low} to {high}", at=f"{place}.{key}"
        )
        return default
    return whole


def _boolean(entry: dict[str, object], key: str, findings: Findings, place: str) -> bool:
    chosen = _WORDS.get(str(entry.get(key, False)).lower())
    if chosen is None:
        findings.refuse(seen(entry[key]), "true or false", at=f"{place}.{key}")
    return bool(chosen)
