"""Move the timers that elapse once in a fleet from one host to another: what each side needs.

The old host has them elapse no more and waits for what runs; only then does the next one begin.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping

from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.host.controller import require_controller
from ansible_collections.asgi.fleet.plugins.module_utils.host.systemd import Refusal
from ansible_collections.asgi.fleet.plugins.module_utils.timers.following import count_from
from ansible_collections.asgi.fleet.plugins.module_utils.timers.units import (
    Timer,
    of_backups,
    of_slot,
    runs,
    states,
)

#: Seconds between two looks at what still runs.
LOOK_SECONDS = 0.2


def once(application: Application) -> list[Timer]:
    """Return the timers that elapse once in the fleet: of the live slot, and of the backups."""
    live = application.live_slot()
    if live is None:
        return []
    timers = [*of_slot(application.slot(live)), *of_backups(application)]
    return [timer for timer in timers if timer.is_once]


def wait_for_runs(application: Application, seconds: float) -> dict[str, float]:
    """Wait until none of these timers runs any more; they elapse here no longer.

    Args:
        application: The application.
        seconds: How long to wait.

    Returns:
        When each of them that is persistent has last elapsed (Unix time).

    Raises:
        Refusal: A run has not ended: the next host must not begin.
        ControllerGone: The controller has left meanwhile.
    """
    timers = once(application)
    deadline = time.monotonic() + seconds
    while running := [
        unit
        for unit, state in states([timer.service_unit for timer in timers]).items()
        if runs(state)
    ]:
        require_controller()
        if time.monotonic() >= deadline:
            raise Refusal(
                f"{', '.join(running)} still runs after {seconds:g} s; expected its end, since it "
                "must not run on two hosts; nothing has moved; wait for it, or end it here: "
                f"systemctl stop {' '.join(running)}; then run again"
            )
        time.sleep(LOOK_SECONDS)
    return last_elapses(application)


def last_elapses(application: Application) -> dict[str, float]:
    """Return when each persistent timer of these has last elapsed on this host (Unix time)."""
    return {timer.name: last for timer in once(application) if (last := _last(timer))}


def _last(timer: Timer) -> float:
    try:
        return os.stat(timer.stamp).st_mtime if timer.is_persistent else 0.0
    except FileNotFoundError:
        return 0.0


def count_on(application: Application, last: Mapping[str, float]) -> None:
    """Have these timers, before they elapse here, count what was missed since they last did.

    Args:
        application: The application.
        last: What `wait_for_runs` returned on the host that had them before. A persistent timer
            that is not in it counts from now on: what this host knows may be of long ago.

    Raises:
        OSError: A stamp cannot be written.
    """
    for timer in once(application):
        count_from(timer, float(last.get(timer.name, time.time())))
