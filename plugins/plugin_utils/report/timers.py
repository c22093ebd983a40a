"""The timers of a fleet as text: where they elapse, when next, and how they last ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

#: Maximum number of hosts that one line names; the rest are counted.
SHOWN = 3

States = Mapping[str, Mapping[str, Any] | None]


def timer_lines(states: States) -> list[str]:
    """Return a line for each timer of each application, for below the table of the hosts."""
    lines = []
    for (application, name), hosts in _by_timer(states).items():
        due = {host: timer for host, timer in hosts.items() if timer["due"]}
        title = f"{application}: timer {name}"
        if not due:
            lines.append(f"{title} elapses on no host")
            continue
        parts = [f"{_moments(due, 'next', _unknown(due))} on {named(list(due))}"]
        if running := [host for host, timer in hosts.items() if timer["running"]]:
            parts.append(f"runs now on {named(running)}")
        if late := {host: timer for host, timer in hosts.items() if timer["overdue"]}:
            parts.append(f"due since {_moments(late, 'overdue', '')} on {named(list(late))}")
        if any(timer["last"] for timer in due.values()):
            failed = [host for host, timer in due.items() if timer["problem"]]
            ended = f"failed on {named(failed)}" if failed else "none failed"
            parts.append(f"last {_moments(due, 'last', 'never')}, {ended}")
        lines.append(f"{title}: next {'; '.join(parts)}")
    return lines


def _by_timer(states: States) -> dict[tuple[str, str], dict[str, Mapping[str, Any]]]:
    found: dict[tuple[str, str], dict[str, Mapping[str, Any]]] = {}
    for host, state in states.items():
        for timer in (state or {}).get("timers") or []:
            key = (str((state or {})["application"]), str(timer["name"]))
            found.setdefault(key, {})[host] = timer
    return found


def _unknown(hosts: Mapping[str, Mapping[str, Any]]) -> str:
    """Return why no host knows when a timer elapses next."""
    if all(timer["spent"] for timer in hosts.values()):
        return "never again"
    return "after its run" if any(timer["running"] for timer in hosts.values()) else "not known"


def _moments(hosts: Mapping[str, Mapping[str, Any]], key: str, unknown: str) -> str:
    """Return a time of several hosts, to the minute in UTC: one, or the first and the last."""
    known = sorted({minute(timer[key]) for timer in hosts.values() if timer[key]})
    if not known:
        return unknown
    return f"{known[0]} UTC" if len(known) == 1 else f"{known[0]} to {known[-1]} UTC"


def minute(when: int) -> str:
    """Return a Unix time, to the minute in UTC."""
    return datetime.fromtimestamp(when, timezone.utc).strftime("%Y-%m-%d %H:%M")


def named(hosts: Sequence[str]) -> str:
    """Return the names of hosts, `SHOWN` at most, and how many more there are."""
    rest = len(hosts) - SHOWN
    return ", ".join(hosts[:SHOWN]) + (f" and {rest} more" if rest > 0 else "")
