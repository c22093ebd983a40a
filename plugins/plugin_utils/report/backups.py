"""The backups of an application, as its hosts tell of them: what is wrong, and how they stand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ansible_collections.asgi.fleet.plugins.module_utils.protocol.backup import age
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.upkeep import FAULT, Need
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.words import (
    clock,
    day,
    duration,
    number,
)

MAKE = "ansible-playbook playbooks/backup.yml"
LIST = f"{MAKE} -e backup_list=true"
States = Mapping[str, Mapping[str, Any]]


def backup_needs(
    app: str, wanted: Mapping[str, Any], states: States, *, whole: bool = True
) -> Iterator[tuple[str, Need]]:
    """Yield what is wrong with the backups of an application, each with the host that it is about.

    Args:
        app: The application.
        wanted: Its `app_backup`, checked; empty if it has no backups.
        states: `state` of `asgi.fleet.app_info` of each of its hosts, in the inventory's order.
        whole: Whether all of them were asked, and not only those of a --limit.
    """
    known = {host: one["backups"] for host, one in states.items() if one.get("backups")}
    live = [host for host in known if states[host].get("live")]
    if not wanted or not live:
        return
    youngest = _youngest(known)
    for host, one in known.items():
        last = one["last"]
        if last and not last["good"] and not one["running"]:
            since = one["at"] - last["began"]
            # The timer has moved: what it makes now is what counts, and this host makes none again.
            if youngest is not None and youngest < since:
                continue
            seen = f"the last backup of {app} failed {_ago(since)}: "
            yield host, Need(FAULT, seen + last["problem"], f"see its output: {LIST}; then {MAKE}")
    makers = [host for host, one in known.items() if one["timer"]]
    home = makers[0] if makers else live[0]
    # Another host may have made one: the timer has moved, or that one migrates.
    if whole or makers:
        yield from _of_age(app, home, known, youngest, wanted["alert_age"])
    if not wanted["schedule"]:
        return
    if not makers and whole and len(known) == len(states):
        seen = f"no timer makes backups of {app} between releases"
        todo = "run ansible-playbook deploy.yml; if all hosts are drained: playbooks/undrain.yml"
        yield home, Need(FAULT, seen, todo)
    for host in makers[1:]:
        seen = f"a timer makes backups of {app} here, and one on {makers[0]}"
        yield host, Need(FAULT, seen, "run ansible-playbook deploy.yml")


def _youngest(known: Mapping[str, Mapping[str, Any]]) -> float | None:
    """Return how old the last good backup of all hosts is, in seconds; None if there is none."""
    ages = (age(one["last_good"], one["at"]) for one in known.values())
    return min((old for old in ages if old is not None), default=None)


def _of_age(
    app: str,
    home: str,
    known: Mapping[str, Mapping[str, Any]],
    youngest: float | None,
    most: float,
) -> Iterator[tuple[str, Need]]:
    """Yield that the last good backup is too old, or that there is none."""
    if youngest is None:
        if not known[home]["running"]:
            yield home, Need(FAULT, f"no good backup of {app} is known on its hosts", MAKE)
    elif youngest > most:
        seen = (
            f"the last good backup of {app} is {duration(youngest)} old; expected at most "
            f"{duration(most)} (app_backup.alert_age)"
        )
        yield home, Need(FAULT, seen, MAKE)


def backup_remarks(host: str, state: Mapping[str, Any]) -> Iterator[str]:
    """Yield what `status` says of the backups of a host; nothing where there are none."""
    one = state.get("backups")
    if not one or not (one["timer"] or one["last"]):
        return
    yield f"{host}: {_told(state['application'], one)}"


def backup_lines(hostvars: Mapping[str, Mapping[str, Any]], hosts: Iterable[str]) -> list[str]:
    """Return what `playbooks/backup.yml` shows, with the output of an attempt that failed.

    Args:
        hostvars: The variables of each host: `deployment`, and `backup_result`.
        hosts: The hosts, in the order of the inventory.
    """
    lines: list[str] = []
    for host in hosts:
        result = hostvars[host].get("backup_result")
        if not result or result.get("skipped"):
            continue
        app = hostvars[host]["deployment"]["app_name"]
        one = result.get("backups")
        if not one:
            lines.append(f"{host}: {str(result.get('msg') or 'no answer').strip()}")
            continue
        lines.append(f"{host}: {_told(app, one)}")
        last = one["last"] or {"good": True}
        if result.get("is_refusal"):
            lines += [f"  {line}" for line in str(result.get("msg", "")).splitlines()]
        elif not last["good"]:
            lines += [f"  {line}" for line in [last["problem"], *last["lines"]]]
    return lines


def _told(app: str, one: Mapping[str, Any]) -> str:
    """Return what a host knows of the backups of an application, in one line."""
    good, last = one["good"], one["last"]
    timer = "a timer makes them here" if one["timer"] else "no timer here"
    if one["running"]:
        timer = "one is being made now"
    if good is None:
        told = f"no good backup of {app}"
    else:
        old = age(one["last_good"], one["at"])
        when = f"{duration(old)} old" if old is not None else "from the future"
        where = f", {number(good['size'])} bytes in {good['folder']}" if good["folder"] else ""
        moment = f"{day(good['began'])}, {clock(good['began'])} UTC"
        told = f"the last good backup of {app} is {when} ({moment}, by {good['by']}){where}"
    failed = ""
    if last and not last["good"]:
        failed = f"; THE LAST ONE FAILED {_ago(one['at'] - last['began'])}: {last['problem']}"
    return f"{told}; {timer}{failed}"


def _ago(seconds: float) -> str:
    return f"{duration(max(0.0, seconds))} ago"
