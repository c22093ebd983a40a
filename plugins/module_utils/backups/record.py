"""What a host remembers of its backups: the last good one, and the last attempt."""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress

from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.host import systemd
from ansible_collections.asgi.fleet.plugins.module_utils.host.files import read_text, write_file
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.backup import (
    Backup,
    Backups,
    BackupState,
)

SCHEMA = 1
#: Where systemd has a link for each timer that is enabled.
WANTS = "etc/systemd/system/timers.target.wants"


def record_path(application: Application) -> str:
    """Return the file that has them."""
    return application.path("var/lib", application.name, "backup.json")


def unit(application: Application) -> str:
    """Return the name of the units that make backups between releases, without their type."""
    return f"{application.name}-backup"


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


def has_timer(application: Application) -> bool:
    """Return whether a timer makes backups on this host, now and after a boot."""
    return os.path.islink(application.path(WANTS, f"{unit(application)}.timer"))


def look(application: Application) -> BackupState:
    """Return what is remembered, and how the host stands. Only reads."""
    timer = has_timer(application)
    running = timer and systemd.is_starting(systemd.show(f"{unit(application)}.service"))
    return {
        "schema": SCHEMA,
        **read(application),
        "at": int(time.time()),
        "running": running,
        "timer": timer,
    }
