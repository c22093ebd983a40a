"""Has a timer of the host make backups between releases, or ends that."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.application.processes import (
    runs_singletons,
)
from ansible_collections.asgi.fleet.plugins.module_utils.backups import record, timer
from ansible_collections.asgi.fleet.plugins.module_utils.host import program, systemd
from ansible_collections.asgi.fleet.plugins.module_utils.host.files import read_text, write_file
from ansible_collections.asgi.fleet.plugins.module_utils.timers.following import (
    elapse,
    require_calendar,
)
from ansible_collections.asgi.fleet.plugins.module_utils.timers.units import (
    BackupTimer,
    of_backups,
)

_SERVICE = """\
# {name}: its backup. Written by asgi.fleet (module backup); changes here are lost at its next run.
[Unit]
Description={name}: make a backup, and check it
After=network-online.target postgresql.service mariadb.service mysql.service
Wants=network-online.target

[Service]
Type=oneshot
# Root's, and nothing of the application: that runs in a transient unit, as its service does.
# Neither modules of an account nor byte code of theirs.
ExecStart=/usr/bin/python3 -s -E -B {program} {config}
TimeoutStartSec={longest:.0f}

# The sandbox of the program. Not strict: it writes below /run and /var.
NoNewPrivileges=yes
ProtectSystem=full
ProtectHome=yes
PrivateTmp=yes
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
RestrictAddressFamilies=AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
LockPersonality=yes
SystemCallArchitectures=native
"""
_TIMER = """\
# {name}: when its backup is made. Written by asgi.fleet (module backup); changes here are lost at
# its next run.
[Unit]
Description={name}: make a backup, as app_backup has it

[Timer]
OnCalendar={schedule}
# One that was missed, because the host was down, is made after the boot.
Persistent=yes

[Install]
WantedBy=timers.target
"""


def schedule(
    application: Application, config: Mapping[str, Any], when: str, *, check_mode: bool
) -> list[str]:
    """Have the timer of the backups on this host, where it elapses if that has the singletons.

    There, the first backup begins now if there is none yet.

    Args:
        application: The application.
        config: What `timer.main` reads.
        when: OnCalendar= of systemd.timer(5).
        check_mode: Only say what would change.

    Returns:
        The files that were, or would be, written; the timer's also if it only was switched.

    Raises:
        OSError: A file cannot be written.
        Refusal: systemd refused something, or does not understand `when`.
    """
    wanted = _files(application, config, when)
    timer_file = BackupTimer(application).timer_file
    # A date that has come is no reason to refuse what is there already.
    known = _read(timer_file) == wanted[timer_file]
    require_calendar("app_backup.schedule", when, known=known)
    changed = [path for path, content in wanted.items() if _read(path) != content]
    here = runs_singletons(application)
    if not changed and record.look(application)["timer"] != here:
        # It is switched, by hand for example, and not written.
        changed = [timer_file]
    if not changed or check_mode:
        return changed
    before = of_backups(application)
    for path in changed:
        _write(path, wanted[path])
    now = of_backups(application)
    rescheduled = {old.name for old in before if old.schedule != now[0].schedule}
    elapse(now, here, rescheduled, unread=True)
    if here and record.read(application)["last_good"] is None:
        systemd.for_units("start", [now[0].service_unit], "--no-block")
    return changed


def unschedule(application: Application, *, check_mode: bool) -> list[str]:
    """Have no timer make backups any more; one that it makes just now is stopped.

    Returns:
        The files that were, or would be, removed.

    Raises:
        OSError: A file cannot be removed.
        Refusal: systemd refused something.
    """
    paths = [path for path in _paths(application) if os.path.lexists(path)]
    if paths and not check_mode:
        timers = of_backups(application)
        elapse(timers, False, (), unread=False)
        systemd.for_units("stop", [one.service_unit for one in timers])
        for path in paths:
            os.unlink(path)
        systemd.reload()
    return paths


def _paths(application: Application) -> list[str]:
    units = BackupTimer(application)
    return [
        application.path("var/lib", application.name, "backup.pyz"),
        application.path("etc", application.name, "backup.json"),
        units.service_file,
        units.timer_file,
    ]


def _files(application: Application, config: Mapping[str, Any], when: str) -> dict[str, bytes]:
    paths = _paths(application)
    texts = {
        "name": application.name,
        "program": paths[0],
        "config": paths[1],
        "longest": 2 * timer.job_of(dict(config)).longest,
        "schedule": when,
    }
    contents = (
        program.bundle(timer.__name__),
        (json.dumps(config, indent=1, sort_keys=True) + "\n").encode(),
        _SERVICE.format(**texts).encode(),
        _TIMER.format(**texts).encode(),
    )
    return dict(zip(paths, contents, strict=True))


def _read(path: str) -> bytes:
    return read_text(path).encode(errors="surrogateescape")


def _write(path: str, content: bytes) -> None:
    # The configuration names no secret, but nobody else has to know how backups are made.
    mode = 0o600 if path.endswith((".json", ".pyz")) else 0o644
    write_file(path, content.decode(errors="surrogateescape"), mode)
