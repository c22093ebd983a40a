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


def others(
    hostvars: Mapping[str, Mapping[str, Any]],
    leaving: Mapping[str, Mapping[str, Any]],
    group: Sequence[str],
) -> list[dict[str, Any]]:
    """Return the hosts that could take what runs once from those that leave.

    Each with its `app`, and `last`, when the timers of those that leave have last elapsed.

    Args:
        hostvars: The variables of all hosts.
        leaving: The results of `asgi.fleet.singletons` with `state: away`, by host.
        group: All hosts, in the order of the inventory.
    """
    apps = {
        application(hostvars[host])
        for host, result in leaving.items()
        if (result.get("was") or {}).get("here")
    }
    last: dict[str, dict[str, float]] = {app: {} for app in apps}
    for host, result in leaving.items():
        last.get(application(hostvars[host]), {}).update(result.get("last") or {})
    return [
        {"host": host, "app": app, "last": last[app]}
        for app in sorted(apps)
        for host in of_application(hostvars, group, app)
        if host not in leaving
    ]


def takers(results: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the hosts that take it, as `others`: of each application the first that serves.

    Args:
        results: Of `asgi.fleet.singletons` on each of `others`, with that as `singletons_other`.
    """
    able: dict[str, list[str]] = {}
    last: dict[str, dict[str, float]] = {}
    for result in results:
        other = result["singletons_other"]
        if result.get("live") and not (result.get("was") or {"away": True})["away"]:
            able.setdefault(str(other["app"]), []).append(str(other["host"]))
            last[str(other["app"])] = other.get("last") or {}
    return [
        {"host": home(hosts, hosts), "app": app, "last": last[app]} for app, hosts in able.items()
    ]


def retakers(
    hostvars: Mapping[str, Mapping[str, Any]],
    results: Iterable[Mapping[str, Any]],
    back: Sequence[str],
    group: Sequence[str],
) -> list[dict[str, Any]]:
    """Return the hosts that take it when they return: `host` and `app`, where nobody has it.

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
            found.append({"host": home(hosts, serving), "app": app})
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
