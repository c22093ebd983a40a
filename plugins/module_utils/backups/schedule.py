"""Has a timer of the host make backups between releases, or ends that."""

# No AnsibleModule here, whose run_command ansible-test asks for.
# pylint: disable=ansible-bad-function

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from typing import Any

from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.backups import record, timer
from ansible_collections.asgi.fleet.plugins.module_utils.host import program, systemd
from ansible_collections.asgi.fleet.plugins.module_utils.host.files import read_text, write_file

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


class ScheduleError(Exception):
    """systemd does not understand when backups are to be made; the message says what to do."""


def schedule(
    application: Application, config: Mapping[str, Any], when: str, *, check_mode: bool
) -> list[str]:
    """Have a timer make backups; the first one begins now if there is none yet.

    Args:
        application: The application.
        config: What `timer.main` reads.
        when: OnCalendar= of systemd.timer(5).
        check_mode: Only say what would change.

    Returns:
        The files that were, or would be, written.

    Raises:
        OSError: A file cannot be written.
        Refusal: systemd refused something.
        ScheduleError: It does not understand `when`.
    """
    _require_calendar(when)
    wanted = _files(application, config, when)
    changed = [path for path, content in wanted.items() if _read(path) != content]
    unit = f"{record.unit(application)}.timer"
    if not changed and record.has_timer(application):
        return []
    if not check_mode:
        for path in changed:
            _write(path, wanted[path])
        systemd.reload()
        systemd.systemctl("enable", "--quiet", unit)
        # Also one that runs already, whose schedule may be another now.
        systemd.systemctl("restart", unit)
        if record.read(application)["last_good"] is None:
            systemd.systemctl("start", "--no-block", f"{record.unit(application)}.service")
    return changed or [application.path(record.WANTS, unit)]


def unschedule(application: Application, *, check_mode: bool) -> list[str]:
    """End that a timer makes backups; one that runs ends first.

    Returns:
        The files that were, or would be, removed.

    Raises:
        OSError: A file cannot be removed.
        Refusal: systemd refused something.
    """
    unit = record.unit(application)
    paths = [path for path in _paths(application) if os.path.lexists(path)]
    if paths and not check_mode:
        if record.has_timer(application):
            systemd.systemctl("disable", "--quiet", f"{unit}.timer")
        systemd.systemctl("stop", f"{unit}.timer", check=False)
        for path in paths:
            os.unlink(path)
        systemd.reload()
    return paths


def _require_calendar(when: str) -> None:
    result = subprocess.run(
        ["systemd-analyze", "calendar", "--", when], capture_output=True, text=True, check=False
    )
    if result.returncode != 0:
        told = " ".join((result.stderr or result.stdout).split())
        raise ScheduleError(
            f"app_backup.schedule is {when!r}; expected what systemd's OnCalendar= takes, such as "
            f"daily or 03:30 ({told}); try it on any host: systemd-analyze calendar '{when}'"
        )


def _paths(application: Application) -> list[str]:
    unit = application.path("etc/systemd/system", record.unit(application))
    return [
        application.path("var/lib", application.name, "backup.pyz"),
        application.path("etc", application.name, "backup.json"),
        f"{unit}.service",
        f"{unit}.timer",
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
