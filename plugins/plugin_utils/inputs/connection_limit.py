"""`app_connections`: what the application's database allows, against what the fleet would open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import (
    Findings,
    Problem,
    seen,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.processes import CORES
from ansible_collections.asgi.fleet.plugins.plugin_utils.sizing.connections import (
    SLOTS,
    Beside,
    Count,
    Limits,
    count,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.text.numbers import integer

if TYPE_CHECKING:
    from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.examination import Examination

#: The keys, each with its smallest value.
KEYS = {"per_worker": 1, "limit": 1, "other": 0, "per_process": 0, "per_timer": 0}
#: What a process or a run of a timer opens unless these are set: as much as a worker, since it is
#: the same code with the same pool.
AS_WORKER = ("per_process", "per_timer")
MOST = 1_000_000
FEWER = (
    "set fewer app_workers or a smaller pool (app_connections.per_worker), put a pooler such as "
    "PgBouncer in between, or raise the database's limit and app_connections.limit"
)
UNKNOWN = "set a number, or app_connections.per_process: 0 if it opens none"


def connections(value: object, findings: Findings) -> dict[str, int]:
    """Check what a worker opens and what the database allows; empty for no limit."""
    if value in ({}, None):
        return {}
    if not isinstance(value, dict):
        findings.refuse(seen(value), "a mapping such as {per_worker: 5, limit: 100}")
        return {}
    for key in sorted(str(key) for key in value.keys() - set(KEYS)):
        findings.refuse("not a key", ", ".join(KEYS), "remove it", at=f".{key}")
    normal: dict[str, int] = {}
    defaults = {"other": 0}
    for key, least in KEYS.items():
        if key in AS_WORKER:
            defaults[key] = normal.get("per_worker", least)
        given = value.get(key, defaults.get(key))
        whole = integer(given)
        if whole is None or not least <= whole <= MOST:
            told = "not set" if given is None else seen(given)
            findings.refuse(told, f"a number from {least} to {MOST}", at=f".{key}")
        else:
            normal[key] = whole
    return normal


def limit_problems(
    examinations: Mapping[str, Examination], others: Mapping[str, Examination] | None = None
) -> list[Problem]:
    """Return a problem for each application that would open more than its database allows.

    Args:
        examinations: The hosts that are deployed to.
        others: Hosts of the inventory that `--limit` leaves out, as far as they are known: their
            connections count as well.
    """
    problems = []
    for app, (limits, found) in _counts(examinations, others).items():
        if found.during_rollout <= limits.limit:
            continue
        findings = Findings("app_connections")
        findings.refuse(
            f"a limit of {limits.limit}, and {_sum(app, limits, found)}",
            f"at most {limits.limit}",
            FEWER,
        )
        problems += _of_hosts(findings, examinations, app)
    return problems


def unknown_counts(
    examinations: Mapping[str, Examination], others: Mapping[str, Examination] | None = None
) -> list[Problem]:
    """Return a problem for each process whose number only a host knows, and that counts.

    Args:
        examinations: The hosts that are deployed to.
        others: Hosts of the inventory that `--limit` leaves out: their processes count as well.
    """
    problems = []
    everyone = {**(others or {}), **examinations}
    for app in {one.deployment.get("app_name", ""): None for one in examinations.values()}:
        findings = Findings("app_processes")
        ours = [x.deployment for x in everyone.values() if x.deployment.get("app_name") == app]
        for name in dict.fromkeys(
            process["name"]
            for one in ours
            if one.get("app_connections", {}).get("per_process")
            for process in one.get("app_processes", [])
            if process["count"] == CORES
        ):
            findings.refuse(
                CORES,
                "a number, since app_connections counts what the processes open",
                UNKNOWN,
                at=f".{name}.count",
            )
        problems += _of_hosts(findings, examinations, app)
    return problems


def _of_hosts(
    findings: Findings, examinations: Mapping[str, Examination], app: str
) -> list[Problem]:
    hosts = tuple(
        host for host, one in examinations.items() if one.deployment.get("app_name") == app
    )
    return [replace(problem, hosts=hosts) for problem in findings.problems]


def shares(
    examinations: Mapping[str, Examination], others: Mapping[str, Examination] | None = None
) -> dict[str, dict[str, int]]:
    """Return `gunicorn_service_connections` of each host that is deployed to and has a limit."""
    found = _counts(examinations, others)
    told = {}
    for host, one in examinations.items():
        app = one.deployment.get("app_name", "")
        if app in found and one.deployment.get("app_connections"):
            limits, counted = found[app]
            told[host] = {"per_worker": limits.per_worker, "share": counted.shares[host]}
    return told


def _counts(
    examinations: Mapping[str, Examination], others: Mapping[str, Examination] | None
) -> dict[str, tuple[Limits, Count]]:
    """Count the connections of each application that has a limit and valid variables."""
    everyone = {**(others or {}), **examinations}
    limits: dict[str, Limits] = {}
    for one in examinations.values():
        if given := one.deployment.get("app_connections"):
            limits.setdefault(one.deployment.get("app_name", ""), Limits(**given))
    workers: dict[str, dict[str, int | None]] = {app: {} for app in limits}
    for host, one in everyone.items():
        app = one.deployment.get("app_name", "")
        # Of a host that is left out, what is wrong is not told now: it has a worker at least.
        if app in workers and ("app_workers" in one.deployment or host not in examinations):
            workers[app][host] = _workers(one.deployment)
    return {
        app: (limits[app], count(limits[app], workers[app], _beside(app, everyone)))
        for app in limits
    }


def _beside(app: str, examinations: Mapping[str, Examination]) -> Beside:
    """Count the processes and the timers of an application, of all hosts."""
    processes: list[Mapping[str, Any]] = []
    timers = 0
    once: set[tuple[str, str]] = set()
    for one in examinations.values():
        if one.deployment.get("app_name") != app:
            continue
        for variable in ("app_processes", "app_timers"):
            for entry in one.deployment.get(variable, []):
                if entry["once_per_fleet"]:
                    if (variable, entry["name"]) in once:
                        continue
                    once.add((variable, entry["name"]))
                if variable == "app_timers":
                    timers += 1
                elif entry["count"] != CORES:
                    processes.append(entry)
    return Beside(
        processes=sum(entry["count"] for entry in processes),
        overlapping=sum(entry["count"] for entry in processes if entry["overlap"]),
        timers=timers,
    )


def _workers(deployment: Mapping[str, Any]) -> int | None:
    """Return the workers of one slot; None for `auto`, and if it is not known."""
    return integer(deployment.get("app_workers"))


def _sum(app: str, limits: Limits, found: Count) -> str:
    """Return what the fleet would open, and how that is counted."""
    hosts = len(found.shares)
    opened = found.during_rollout - limits.other - found.processes - found.timers
    workers = opened // SLOTS // limits.per_worker
    least = (
        f" (with one worker on each of the {found.automatic} that have app_workers: auto)"
        if found.automatic
        else ""
    )
    other = "".join(
        f" + {number} for {what}"
        for number, what in (
            (found.processes, "app_processes"),
            (found.timers, "app_timers"),
            (limits.other, "others"),
        )
        if number
    )
    text = (
        f"{app} would open {found.during_rollout}: {workers} "
        f"{'worker' if workers == 1 else 'workers'} on {hosts} {'host' if hosts == 1 else 'hosts'}"
        f"{least} x 2 slots during a rollout x {limits.per_worker}{other}"
    )
    if found.otherwise <= limits.limit:
        text += f"; without a rollout {found.otherwise} would fit"
    return text
