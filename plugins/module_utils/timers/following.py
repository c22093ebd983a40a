"""Have the host's timers follow the slot that is live: its units, what is enabled, what elapses.

A run that goes on when the slot changes goes on to its end in its old release: systemd has read its
unit, its environment and its command before. Nothing here stops one.
"""

# No AnsibleModule here, whose run_command ansible-test asks for.
# pylint: disable=ansible-bad-function

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Collection, Sequence

from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import (
    Application,
    Slot,
)
from ansible_collections.asgi.fleet.plugins.module_utils.application.processes import (
    runs_singletons,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host import systemd
from ansible_collections.asgi.fleet.plugins.module_utils.host.files import write_file
from ansible_collections.asgi.fleet.plugins.module_utils.host.systemd import Refusal
from ansible_collections.asgi.fleet.plugins.module_utils.timers.units import (
    Timer,
    of_backups,
    of_slot,
    parse,
    present,
    runs,
    states,
)

_NEVER = re.compile(r"^\s*Next elapse: never$", re.MULTILINE)


def check(application: Application, text: str, live: Slot | None = None) -> None:
    """Have systemd check a slot's timers before anything of them is used.

    Args:
        application: Whose they are.
        text: The slot's file.
        live: The slot that is live. What it has may be past since: a date that has come stops no
            restart and no rollback.

    Raises:
        Refusal: The host does not understand one of them, or it would never elapse.
    """
    timers = parse(application, text)
    known = {(timer.name, timer.schedule) for timer in (of_slot(live) if live else ())}
    for timer in timers:
        require_calendar(
            f"app_timers[{timer.name}].schedule",
            timer.schedule,
            known=(timer.name, timer.schedule) in known,
        )
    _verify(timers)


def require_calendar(variable: str, schedule: str, *, known: bool = False) -> None:
    """Have systemd check a calendar expression.

    Args:
        variable: Where it is from.
        schedule: OnCalendar= of systemd.timer(5).
        known: Whether the host has it already: then its date may be past.

    Raises:
        Refusal: The host does not understand it, or it would never elapse.
    """
    result = _analyze("calendar", schedule)
    subject = f"{variable} is {schedule}"
    if result.returncode != 0:
        raise Refusal(
            f"{subject}, which the systemd of this host does not understand "
            f"({result.stderr.strip()}); expected a calendar expression and a time zone that "
            f"it knows; try it here: systemd-analyze calendar '{schedule}'"
        )
    if _NEVER.search(result.stdout) and not known:
        raise Refusal(
            f"{subject}, which never elapses on this host; expected one that will; "
            f"see systemd-analyze calendar '{schedule}', or remove the timer"
        )


def _verify(timers: Sequence[Timer]) -> None:
    if not timers:
        return
    with tempfile.TemporaryDirectory(prefix="asgi-fleet-") as folder:
        for timer in timers:
            write_file(os.path.join(folder, timer.service_unit), timer.service, 0o644)
            write_file(os.path.join(folder, timer.timer_unit), timer.timer, 0o644)
        units = [unit for timer in timers for unit in (timer.service_unit, timer.timer_unit)]
        result = _analyze("verify", "--man=no", *(os.path.join(folder, unit) for unit in units))
    complaints = [
        line for line in result.stderr.splitlines() if any(unit in line for unit in units)
    ]
    if result.returncode != 0 and complaints:
        raise Refusal("systemd refuses the units of the timers:\n  " + "\n  ".join(complaints))


def _analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.defpath, "LC_ALL": "C"},
    )


def follow(live: Slot) -> bool:
    """Make the host's timers those of a slot, which is live. Return: any change.

    The files first, then what elapses. A run that was killed in between is corrected by the next.

    Args:
        live: The slot.

    Raises:
        OSError: A file cannot be written.
        Refusal: systemd refused something.
    """
    wanted, found = of_slot(live), present(live.application)
    beside = of_backups(live.application)
    if not wanted and not found and not beside:
        return False
    names = {timer.name for timer in wanted}
    gone = [timer for timer in found if timer.name not in names]
    before = {timer.name: timer for timer in found}
    changed = _put_away(gone)
    rescheduled = _write(wanted, before)
    changed |= any(
        (timer.timer, timer.service) != (before[timer.name].timer, before[timer.name].service)
        if timer.name in before
        else True
        for timer in wanted
    )
    everything = [*wanted, *beside]
    here = runs_singletons(live.application)
    return elapse(everything, here, rescheduled, unread=changed) or changed


def _write(wanted: Sequence[Timer], before: dict[str, Timer]) -> set[str]:
    """Write the units, and return the names of those that have got another schedule."""
    rescheduled = set()
    for timer in wanted:
        old = before.get(timer.name)
        # The service first: there is never a timer without what it starts.
        if old is None or old.service != timer.service:
            write_file(timer.service_file, timer.service, 0o644)
        if old is None or old.timer != timer.timer:
            write_file(timer.timer_file, timer.timer, 0o644)
            if old is not None and old.timer:
                rescheduled.add(timer.name)
    return rescheduled


def elapse(timers: Sequence[Timer], home: bool, rescheduled: Collection[str], unread: bool) -> bool:
    """Enable and start what shall elapse here, and nothing else. Return: any change.

    Args:
        timers: The application's.
        home: Whether those elapse here that do so once in the fleet.
        rescheduled: Names of those that have got another schedule.
        unread: Whether files have changed that systemd has not read.
    """
    units = [timer.timer_unit for timer in timers]
    due = [timer for timer in timers if home or not timer.is_once]
    due_units = [timer.timer_unit for timer in due]
    at_boot = systemd.enabled(units)
    now = states([*units, *(timer.service_unit for timer in timers)], "NeedDaemonReload")
    missing = [unit for unit in due_units if unit not in at_boot]
    others = [unit for unit in units if unit not in due_units]
    superfluous = [unit for unit in others if unit in at_boot or runs(now[unit])]
    systemd.for_units("enable", missing, systemd.WITHOUT_RELOAD)
    systemd.for_units("disable", superfluous, systemd.WITHOUT_RELOAD)
    # Also what a killed run has written and systemd has not read.
    stale = any(state.get("NeedDaemonReload") == "yes" for state in now.values())
    if unread or missing or superfluous or stale:
        systemd.reload()
    systemd.for_units("stop", superfluous)
    again = [timer for timer in due if timer.name in rescheduled]
    for timer in again:
        # Nothing of the new schedule was missed before it was there.
        count_from(timer, time.time())
    systemd.for_units("restart", [timer.timer_unit for timer in again])
    stopped = [unit for unit in due_units if not runs(now[unit])]
    systemd.for_units("start", stopped)
    return bool(missing or superfluous or stale or stopped)


def count_from(timer: Timer, moment: float) -> None:
    """Have a persistent timer count its missed runs from a moment (Unix time) on."""
    if timer.is_persistent:
        os.makedirs(os.path.dirname(timer.stamp), exist_ok=True)
        with open(timer.stamp, "a", encoding="utf-8"):
            os.utime(timer.stamp, (moment, moment))


def _put_away(gone: Sequence[Timer]) -> bool:
    """Stop timers and remove their files; what still runs keeps its unit until it has ended.

    A unit whose file is gone would have systemd's own limit of 90 seconds.

    Returns:
        Whether any file was removed.
    """
    timers = [timer for timer in gone if os.path.lexists(timer.timer_file)]
    units = [timer.timer_unit for timer in timers]
    systemd.for_units("disable", units, systemd.WITHOUT_RELOAD)
    systemd.for_units("stop", units)
    for timer in timers:
        _delete(timer.timer_file)
        _delete(timer.stamp)
    now = states([timer.service_unit for timer in gone])
    ended = [timer for timer in gone if not runs(now[timer.service_unit])]
    for timer in ended:
        _delete(timer.service_file)
    failed = [
        timer.service_unit for timer in ended if now[timer.service_unit]["ActiveState"] == "failed"
    ]
    if failed:
        systemd.systemctl("reset-failed", *failed, check=False)
    return bool(timers or ended)


def put_away_all(application: Application) -> bool:
    """Stop all timers of an application, of which nothing is live. Return: any change.

    Raises:
        Refusal: systemd refused something.
    """
    changed = _put_away(present(application))
    if changed:
        systemd.reload()
    return changed


def _delete(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
