"""What a host remembers of its backups: the last good one, and the last attempt."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import suppress

from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.host import systemd
from ansible_collections.asgi.fleet.plugins.module_utils.host.files import read_text, write_file
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.backup import (
    Backup,
    Backups,
    BackupState,
)
from ansible_collections.asgi.fleet.plugins.module_utils.timers.units import (
    BackupTimer,
    of_backups,
    runs,
    states,
)

SCHEMA = 1


def record_path(application: Application) -> str:
    """Return the file that has them."""
    return application.path("var/lib", application.name, "backup.json")


def read(application: Application) -> Backups:
    """Return what is remembered; a torn or strange file counts as none."""
    with suppress(ValueError, TypeError, KeyError):
        found = json.loads(read_text(record_path(application)) or "{}")
        if isinstance(found, dict) and found.get("schema") == SCHEMA:
            return {
                "schema": SCHEMA,
                "last_good": found["last_good"],
                "good": found["good"],
                "last": found["last"],
            }
    return {"schema": SCHEMA, "last_good": None, "good": None, "last": None}


def note(application: Application, done: Backup) -> None:
    """Remember an attempt; one that failed leaves the last good one what it is.

    Raises:
        OSError: It cannot be written.
    """
    before = read(application)
    good = done if done["good"] else before["good"]
    after: Backups = {
        "schema": SCHEMA,
        "last_good": good["began"] if good else None,
        "good": good,
        "last": done,
    }
    # Whatever watches the host may read it: it has no secret in it.
    write_file(record_path(application), json.dumps(after, indent=1) + "\n", 0o644)


def look(application: Application) -> BackupState:
    """Return what is remembered, and how the host stands. Only reads."""
    timer = BackupTimer(application)
    units = [timer.timer_unit, timer.service_unit] if of_backups(application) else []
    now = states(units, "UnitFileState", "Job")
    return {
        "schema": SCHEMA,
        **read(application),
        "at": int(time.time()),
        "running": bool(now) and systemd.is_starting({"Job": "", **now[timer.service_unit]}),
        "timer": bool(now) and _elapses(now[timer.timer_unit]),
        "units": bool(now),
    }


def _elapses(state: Mapping[str, str]) -> bool:
    return runs(state) and state.get("UnitFileState") == "enabled"
