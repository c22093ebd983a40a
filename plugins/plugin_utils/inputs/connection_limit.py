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
from ansible_collections.asgi.fleet.plugins.plugin_utils.sizing.connections import (
    Count,
    Limits,
    count,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.text.numbers import integer

if TYPE_CHECKING:
    from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.examination import Examination

#: The keys, each with its smallest value, and its default if it has one.
KEYS: dict[str, tuple[int, int | None]] = {
    "per_worker": (1, None),
    "limit": (1, None),
    "other": (0, 0),
}
MOST = 1_000_000
FEWER = (
    "set fewer app_workers or a smaller pool (app_connections.per_worker), put a pooler such as "
    "PgBouncer in between, or raise the database's limit and app_connections.limit"
)


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
    for key, (least, default) in KEYS.items():
        given = value.get(key, default)
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
        hosts = tuple(
            host for host, one in examinations.items() if one.deployment.get("app_name") == app
        )
        problems += [replace(problem, hosts=hosts) for problem in findings.problems]
    return problems


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
        if app in workers and "app_workers" in one.deployment:
            workers[app][host] = _workers(one.deployment)
    return {app: (limits[app], count(limits[app], workers[app])) for app in limits}


def _workers(deployment: Mapping[str, Any]) -> int | None:
    """Return the workers of one slot; None for `auto`."""
    return integer(deployment["app_workers"])


def _sum(app: str, limits: Limits, found: Count) -> str:
    """Return what the fleet would open, and how that is counted."""
    hosts = len(found.shares)
    workers = (found.otherwise - limits.other) // limits.per_worker
    least = (
        f" (with one worker on each of the {found.automatic} that have app_workers: auto)"
        if found.automatic
        else ""
    )
    other = f" + {limits.other} for others" if limits.other else ""
    text = (
        f"{app} would open {found.during_rollout}: {workers} "
        f"{'worker' if workers == 1 else 'workers'} on {hosts} {'host' if hosts == 1 else 'hosts'}"
        f"{least} x 2 slots during a rollout x {limits.per_worker}{other}"
    )
    if found.otherwise <= limits.limit:
        text += f"; without a rollout {found.otherwise} would fit"
    return text
