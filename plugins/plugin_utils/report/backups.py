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


def backup_needs(app: str, wanted: Mapping[str, Any], states: States) -> Iterator[tuple[str, Need]]:
    """Yield what is wrong with the backups of an application, each with the host that it is about.

    Args:
        app: The application.
        wanted: Its `app_backup`, checked; empty if it has no backups.
        states: `state` of `asgi.fleet.app_info` of each of its hosts, in the inventory's order.
    """
    known = {host: one["backups"] for host, one in states.items() if one.get("backups")}
    live = [host for host in known if states[host].get("live")]
    if not wanted or not live:
        return
    # With --limit, the host that makes them may not have been asked.
    home = next((host for host in known if known[host]["timer"]), live[0])
    for host, one in known.items():
        last = one["last"]
        if last and not last["good"] and not one["running"]:
            seen = f"the last backup of {app} failed {_ago(one['at'] - last['began'])}: "
            yield host, Need(FAULT, seen + last["problem"], f"see its output: {LIST}; then {MAKE}")
    ages = {host: age(one["last_good"], one["at"]) for host, one in known.items()}
    youngest = min((old for old in ages.values() if old is not None), default=None)
    if youngest is None:
        if not known[home]["running"]:
            yield home, Need(FAULT, f"no backup of {app} has ever been made", MAKE)
    elif youngest > wanted["alert_age"]:
        seen = (
            f"the last good backup of {app} is {duration(youngest)} old; expected at most "
            f"{duration(wanted['alert_age'])} (app_backup.alert_age)"
        )
        yield home, Need(FAULT, seen, MAKE)
    if wanted["schedule"] and len(known) == len(states):
        makers = [host for host, one in known.items() if one["timer"]]
        if not makers:
            seen = f"no timer makes backups of {app} between releases"
            yield home, Need(FAULT, seen, "run ansible-playbook deploy.yml")
        for host in makers[1:]:
            seen = f"a timer makes backups of {app} here, and one on {makers[0]}"
            yield host, Need(FAULT, seen, "run ansible-playbook deploy.yml")


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
