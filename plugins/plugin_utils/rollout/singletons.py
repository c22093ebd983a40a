"""Which host of a fleet runs what must run on one host only: processes and timers."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any


def home(hosts: Sequence[str], serving: Collection[str], holder: str = "") -> str:
    """Return the host that runs what runs once in a fleet; empty if no host serves.

    It is the first that serves, in the order of the inventory. But the host that runs it now keeps
    it for as long as it serves: each move is an interruption, and neither a new host nor another
    order in the inventory is a reason for one.

    Args:
        hosts: All hosts of the application, in the order of the inventory.
        serving: Those that serve: neither drained, nor removed, nor out of reach.
        holder: The host that runs it now; empty for none.
    """
    able = [host for host in hosts if host in serving]
    if holder in able:
        return holder
    return able[0] if able else ""


def runs_singletons(
    hostvars: Mapping[str, Mapping[str, Any]], host: str, group: Sequence[str]
) -> bool:
    """Return whether a host of a rollout runs what runs once in the fleet.

    Nothing new is begun while only some of the hosts are asked (`--limit`): one of the others may
    have it.

    Args:
        hostvars: The variables of all hosts; `deployment`, and `rollout_begun` of those asked.
        host: The host.
        group: All hosts, in the order of the inventory.
    """
    hosts = of_application(hostvars, group, application(hostvars[host]))
    told = {
        one: begun["singletons"]
        for one in hosts
        if "singletons" in (begun := hostvars[one].get("rollout_begun") or {})
    }
    serving = [one for one in told if not told[one]["away"]]
    holder = next((one for one in serving if told[one]["here"]), "")
    if not holder and len(told) < len(hosts):
        return False
    return home(hosts, serving, holder) == host


def lost_lines(hostvars: Mapping[str, Mapping[str, Any]], group: Sequence[str]) -> list[str]:
    """Return a line for each application of which no host has what runs once, though it should.

    As after a host has left the inventory without a drain; it may still run it.

    Args:
        hostvars: As for `runs_singletons`.
        group: All hosts, in the order of the inventory.
    """
    lines = []
    for app in dict.fromkeys(application(hostvars[host]) for host in group if host in hostvars):
        hosts = of_application(hostvars, group, app)
        told = [(hostvars[host].get("rollout_begun") or {}).get("singletons") for host in hosts]
        known = [one for one in told if one]
        if len(known) < len(hosts) or not any(one["planned"] for one in known):
            continue
        if any(one["here"] for one in known):
            continue
        taker = next((host for host in hosts if runs_singletons(hostvars, host, group)), "")
        if taker:
            lines.append(
                f"{app}: what runs once in the fleet runs on no host of the inventory; {taker} "
                "begins it. A host that has left the inventory undrained may still run it: take "
                "that in again, and run ansible-playbook playbooks/remove.yml --limit <host>"
            )
    return lines


def others(
    hostvars: Mapping[str, Mapping[str, Any]],
    leaving: Mapping[str, Mapping[str, Any]],
    group: Sequence[str],
) -> list[dict[str, Any]]:
    """Return the hosts that could take what runs once from those that leave.

    Each with its `app`; `sure`, whether one of those that leave had it, and not only may have had
    it, before a run that was interrupted; and `last`, when the timers have last elapsed.

    Args:
        hostvars: The variables of all hosts.
        leaving: The results of `asgi.fleet.singletons` with `state: away`, by host.
        group: All hosts, in the order of the inventory.
    """
    of_app: dict[str, list[Mapping[str, Any]]] = {}
    for host, result in leaving.items():
        of_app.setdefault(application(hostvars[host]), []).append(result)
    sure = {app: _any(results, "here") for app, results in of_app.items()}
    return [
        {"host": host, "app": app, "sure": sure[app], "last": _latest(of_app[app])}
        for app in sorted(of_app)
        if sure[app] or _any(of_app[app], "away")
        for host in of_application(hostvars, group, app)
        if host not in leaving
    ]


def takers(results: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the hosts that take it: `host`, `app` and `last`; of each the first that serves.

    None if another host has it already, or may have it because it does not answer.

    Args:
        results: Of `asgi.fleet.singletons` on each of `others`, with that as `singletons_other`.
    """
    of_app: dict[str, list[Mapping[str, Any]]] = {}
    for result in results:
        of_app.setdefault(str(result["singletons_other"]["app"]), []).append(result)
    found = []
    for app, told in of_app.items():
        other = told[0]["singletons_other"]
        silent = any("was" not in result for result in told)
        if _any(told, "here") or (silent and not other["sure"]):
            continue
        able = [
            str(result["singletons_other"]["host"])
            for result in told
            if result.get("live") and "was" in result and not result["was"]["away"]
        ]
        if able:
            found.append({"host": home(able, able), "app": app, "last": other["last"]})
    return found


def _any(results: Iterable[Mapping[str, Any]], key: str) -> bool:
    return any((result.get("was") or {}).get(key) for result in results)


def _latest(results: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """Return when each timer has last elapsed on any of some hosts."""
    last: dict[str, float] = {}
    for result in results:
        for name, moment in (result.get("last") or {}).items():
            last[name] = max(float(moment), last.get(name, 0.0))
    return last


def retakers(
    hostvars: Mapping[str, Mapping[str, Any]],
    results: Iterable[Mapping[str, Any]],
    back: Sequence[str],
    group: Sequence[str],
) -> list[dict[str, Any]]:
    """Return the hosts that take it when they return, where nobody has it, as `takers`.

    As after a drain of the whole fleet. A host that does not answer may have it.

    Args:
        hostvars: The variables of all hosts.
        results: Of `asgi.fleet.singletons` on each host, with its name as `singletons_host`.
        back: The hosts that return.
        group: All hosts, in the order of the inventory.
    """
    told = {str(result["singletons_host"]): result for result in results}
    found = []
    for app in sorted({application(hostvars[host]) for host in back}):
        hosts = of_application(hostvars, group, app)
        if any("was" not in told.get(host, {}) or told[host]["was"]["here"] for host in hosts):
            continue
        serving = [host for host in hosts if host in back and told[host]["live"]]
        if serving:
            last = _latest(told[host] for host in hosts)
            found.append({"host": home(hosts, serving), "app": app, "last": last})
    return found


def homes(hostvars: Mapping[str, Mapping[str, Any]], hosts: Sequence[str]) -> list[str]:
    """Return of each application the host on which something is done once, of those asked.

    It is the host that has what runs once in the fleet. Without one, it is the first that serves,
    and else the first with a live release: what an operator asks for is done on a drained host too.

    Args:
        hostvars: The variables of all hosts: `singletons_told`, the result of
            `asgi.fleet.singletons`; none of a host that did not answer.
        hosts: Those asked, in the order of the inventory.
    """
    told = {host: hostvars[host].get("singletons_told") or {} for host in hosts}
    live = [host for host in hosts if told[host].get("live")]
    serving = [host for host in live if not told[host]["was"]["away"]]
    found = []
    for app in dict.fromkeys(application(hostvars[host]) for host in hosts):
        mine = of_application(hostvars, hosts, app)
        holder = next((host for host in mine if host in live and told[host]["was"]["here"]), "")
        found.append(home(mine, serving, holder) or home(mine, live) or mine[0])
    return found


def application(variables: Mapping[str, Any]) -> str:
    """Return the name of a host's application, also of a host that `--limit` leaves out."""
    deployment = variables.get("deployment") or {}
    return str(deployment.get("app_name") or variables.get("app_name") or "")


def of_application(
    hostvars: Mapping[str, Mapping[str, Any]], group: Sequence[str], app: str
) -> list[str]:
    """Return those of a group that run an application."""
    return [host for host in group if host in hostvars and application(hostvars[host]) == app]
