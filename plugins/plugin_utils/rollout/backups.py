"""A backup before a migration: whether one is to be made, what is told of it, and what is kept."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.asgi.fleet.plugins.module_utils.protocol.backup import age
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.record import BackupTold
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.words import duration

HostVariables = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Gate:
    """What is decided of an application's backup, before its migration.

    Attributes:
        due: Whether one is to be made, unless it is found fresh on the host itself.
        host: Where: the host that migrates; without `due`, the one that has the fresh one.
        age: How old the last good one is, in seconds; None if there is none.
        skipped_by: Who goes on without one; empty for nobody.
        line: For the operator.
    """

    due: bool
    host: str
    age: float | None
    skipped_by: str
    line: str


def gates(
    hostvars: HostVariables,
    waves: Mapping[str, list[list[str]]],
    skip: str,
    who: str,
    *,
    check_mode: bool = False,
) -> dict[str, Gate]:
    """Return what is decided for each application that has backups, and hooks that have not run.

    Args:
        hostvars: The variables of each host: `deployment`, `rollout_begun`, `rollout_target`.
        waves: The hosts of each application.
        skip: The application that goes on without; empty for none.
        who: Who runs the rollout.
        check_mode: Whether nothing is made.
    """
    found = {}
    for app, hosts in waves.items():
        names = [host for wave in hosts for host in wave]
        if names and _migrates(hostvars, names):
            found[app] = _gate(app, hostvars, names, who if skip == app else "", check_mode)
    return found


def _migrates(hostvars: HostVariables, names: list[str]) -> bool:
    """Return whether hooks run that need a backup; as `playbooks/tasks/hook_once.yml` decides."""
    first = hostvars[names[0]]
    deployment = first["deployment"]
    if not deployment.get("app_backup") or not deployment["app_hooks"]["before_rollout"]:
        return False
    ran = {"phase": "before_rollout", "release": (first.get("rollout_target") or {}).get("id")}
    begun = [hostvars[name].get("rollout_begun") or {} for name in names]
    return not any(ran in (one.get("hooks_done") or []) for one in begun)


def _gate(
    app: str, hostvars: HostVariables, names: list[str], skipped_by: str, check_mode: bool
) -> Gate:
    wanted = hostvars[names[0]]["deployment"]["app_backup"]["max_age"]
    # Of the host that migrates: data may be of one host alone, and that of another tells nothing.
    host = names[0]
    old = _age(hostvars[host].get("rollout_begun") or {})
    has_it = "" if old is None else host
    last = f"the last good one is {duration(old)} old" if old is not None else "there is none yet"
    if skipped_by:
        line = (
            f"WARNING: {app}: {skipped_by} migrates without a backup (-e skip_backup={app}); {last}"
        )
        return Gate(False, has_it, old, skipped_by, line)
    if old is not None and old <= wanted:
        line = f"{app}: no backup is made: that of {host} is {duration(old)} old"
        return Gate(False, host, old, "", line)
    would = "would be" if check_mode else "is"
    line = (
        f"{app}: a backup {would} made on {host} and checked, before the migration: {last}, "
        f"and app_backup.max_age is {duration(wanted)}"
    )
    return Gate(True, host, old, "", line)


def _age(begun: Mapping[str, Any]) -> float | None:
    """Return how old a host's last good backup is now: by its clock, and the time since."""
    backups = begun.get("backups")
    if not backups:
        return None
    since = time.time() - (begun.get("took") or {}).get("to", time.time())
    old = age(backups["last_good"], backups["at"])
    return None if old is None else old + max(0.0, since)


def backup_told(app: str, hostvars: HostVariables, first: str) -> BackupTold | None:
    """Return what the record of a rollout keeps of the backup; None if none was needed.

    Args:
        app: The application.
        hostvars: The variables of each host: `rollout_backups`, what the gate has decided, and
            `rollout_backup`, what `asgi.fleet.backup` has returned.
        first: The host that migrates.
    """
    gate = ((hostvars[first].get("rollout_backups") or {}).get("backups") or {}).get(app)
    if not gate:
        return None
    result = hostvars[first].get("rollout_backup") or {}
    backup = result.get("backup") if gate["due"] else None
    old = gate["age"]
    if backup:
        old = max(0, backup["ended"] - backup["began"])
    return {
        "host": gate["host"],
        "made": bool(gate["due"] and result.get("changed") and backup),
        "failed": bool(gate["due"] and result.get("failed")),
        "age": None if old is None else round(old),
        "size": backup["size"] if backup else None,
        "folder": backup["folder"] if backup else "",
        "skipped_by": gate["skipped_by"],
    }
