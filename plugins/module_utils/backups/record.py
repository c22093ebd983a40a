"""What a host remembers of its backups: the last good one, and the last attempt."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import cast

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
#: What readers of an attempt rely on.
_KINDS = {
    **dict.fromkeys(("began", "ended", "status", "size"), int),
    **dict.fromkeys(("by", "release", "problem", "folder"), str),
    "good": bool,
    "lines": list,
}


def record_path(application: Application) -> str:
    """Return the file that has them."""
    return application.path("var/lib", application.name, "backup.json")


def read(application: Application) -> Backups:
    """Return what is remembered; a torn or strange file counts as none.

    So does a good backup whose folder is gone: nobody can read it.
    """
    found: object = None
    with suppress(ValueError):
        found = json.loads(read_text(record_path(application)) or "{}")
    if not isinstance(found, dict) or found.get("schema") != SCHEMA:
        found = {}
    good, last = _attempt(found.get("good")), _attempt(found.get("last"))
    if good and (not good["good"] or _is_gone(good["folder"])):
        good = None
    return {
        "schema": SCHEMA,
        "last_good": good["began"] if good else None,
        "good": good,
        "last": last,
    }


def _attempt(found: object) -> Backup | None:
    """Return what was read of an attempt; None if it is none."""
    if not isinstance(found, dict):
        return None
    known = all(_is_a(kind, found.get(key)) for key, kind in _KINDS.items())
    return cast(Backup, found) if known else None


def _is_a(kind: type, value: object) -> bool:
    # To Python, True is a number as well.
    return isinstance(value, kind) and isinstance(value, bool) == (kind is bool)


def _is_gone(folder: str) -> bool:
    """Return whether a backup is no more where it was kept; empty was never kept there."""
    try:
        os.stat(folder or "/")
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        # Not everybody who may read the record may look there.
        return False
    return False


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
