"""How the timers of an application stand on this host. Only reads."""

# No AnsibleModule here, whose run_command ansible-test asks for.
# pylint: disable=ansible-bad-function

from __future__ import annotations

import os
import subprocess
from calendar import timegm
from time import strptime

from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.application.processes import (
    runs_singletons,
)
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.state import TimerState
from ansible_collections.asgi.fleet.plugins.module_utils.timers.units import (
    blocks,
    of_slot,
    runs,
)

_PROPERTIES = (
    *("Id", "ActiveState", "Result", "ExecMainCode", "ExecMainStatus"),
    *("NextElapseUSecRealtime", "LastTriggerUSec"),
)


def timer_states(application: Application, live: str | None) -> list[TimerState]:
    """Return the state of each timer of the live slot, in the order of their names."""
    timers = of_slot(application.slot(live)) if live else []
    if not timers:
        return []
    found = _show([unit for timer in timers for unit in (timer.timer_unit, timer.service_unit)])
    here = runs_singletons(application)
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
            "problem": problem(found[timer.service_unit]),
        }
        for timer in timers
    ]


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
