"""How the timers of an application stand on this host. Only reads."""

# No AnsibleModule here, whose run_command ansible-test asks for.
# pylint: disable=ansible-bad-function

from __future__ import annotations

import os
import re
import subprocess
import time
from calendar import timegm
from time import strptime

from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.application.processes import (
    runs_singletons,
)
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.state import TimerState
from ansible_collections.asgi.fleet.plugins.module_utils.timers.units import (
    Timer,
    blocks,
    of_slot,
    runs,
)

#: Seconds that a run may be late: short ones catch up by themselves.
GRACE_SECONDS = 60
_PROPERTIES = (
    *("Id", "ActiveState", "SubState", "Result", "ExecMainCode", "ExecMainStatus"),
    *("NextElapseUSecRealtime", "LastTriggerUSec"),
)
#: In UTC as well, where the host has another zone.
_NEXT = re.compile(r"^\s*(?:Next elapse|\(in UTC\)): (.* UTC)$", re.MULTILINE)


def timer_states(application: Application, live: str | None) -> list[TimerState]:
    """Return the state of each timer of the live slot, in the order of their names."""
    timers = of_slot(application.slot(live)) if live else []
    if not timers:
        return []
    found = _show([unit for timer in timers for unit in (timer.timer_unit, timer.service_unit)])
    here, now = runs_singletons(application), time.time()
    return [
        {
            "name": timer.name,
            "schedule": timer.schedule,
            "once_per_fleet": timer.is_once,
            "due": here or not timer.is_once,
            "active": runs(found[timer.timer_unit]),
            "running": runs(found[timer.service_unit]),
            "next": moment(found[timer.timer_unit].get("NextElapseUSecRealtime", "")),
            "last": moment(found[timer.timer_unit].get("LastTriggerUSec", "")),
            "overdue": overdue(timer, found[timer.timer_unit], found[timer.service_unit], now),
            "spent": found[timer.timer_unit].get("SubState") == "elapsed",
            "problem": problem(found[timer.service_unit]),
        }
        for timer in timers
    ]


def overdue(timer: Timer, clock: dict[str, str], run: dict[str, str], now: float) -> int:
    """Return since when a run is due that has not begun (Unix time); 0 for none.

    systemd begins none while the one before goes on, nor while its start waits for another unit,
    such as a network that does not come.

    Args:
        timer: The timer.
        clock: The properties of its timer unit.
        run: Those of its service.
        now: The time (Unix).
    """
    last = moment(clock.get("LastTriggerUSec", ""))
    if clock.get("SubState") != "running" or not last or now - last <= GRACE_SECONDS:
        return 0
    if not runs(run):
        return last
    due = _after(timer.schedule, last)
    return due if due and now - due > GRACE_SECONDS + timer.jitter else 0


def _after(schedule: str, last: int) -> int:
    """Return when a schedule elapses next after a time (Unix); 0 for never."""
    result = subprocess.run(
        ["systemd-analyze", "calendar", f"--base-time=@{last}", schedule],
        capture_output=True,
        text=True,
        check=False,
        # In the zone of the host.
        env=os.environ | {"LC_ALL": "C"},
    )
    found = _NEXT.search(result.stdout)
    return moment(found[1]) if found else 0


def problem(state: dict[str, str]) -> str:
    """Return how the last run of a service failed; empty if it did not, or there was none."""
    result, status = state.get("Result", ""), state.get("ExecMainStatus", "")
    if result in ("", "success"):
        return ""
    words = {
        "exit-code": f"exit status {status}",
        "signal": f"signal {status}",
        "core-dump": f"signal {status}, with a core dump",
        "timeout": "it took longer than its timeout",
        "oom-kill": "it needed more memory than its memory_mb",
    }
    return words.get(result, result)


def moment(text: str) -> int:
    """Return a time of systemctl's, in UTC, as Unix time; 0 for none."""
    try:
        return timegm(strptime(text, "%a %Y-%m-%d %H:%M:%S UTC"))
    except ValueError:
        return 0


def _show(units: list[str]) -> dict[str, dict[str, str]]:
    result = subprocess.run(
        ["systemctl", "show", f"--property={','.join(_PROPERTIES)}", *units],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
    )
    nothing = {unit: {"ActiveState": "inactive"} for unit in units}
    return nothing | blocks(result.stdout)
