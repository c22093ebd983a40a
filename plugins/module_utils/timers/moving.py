"""Move what runs once in a fleet from one host to another: away from here, or here.

The old host lets go first, and what runs there ends; only then does the next one begin.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping

from ansible_collections.asgi.fleet.plugins.module_utils.application.home import (
    is_home,
    set_marks,
)
from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.host.controller import require_controller
from ansible_collections.asgi.fleet.plugins.module_utils.host.systemd import Refusal
from ansible_collections.asgi.fleet.plugins.module_utils.timers.following import (
    count_from,
    follow,
)
from ansible_collections.asgi.fleet.plugins.module_utils.timers.units import (
    Timer,
    of_slot,
    runs,
    states,
)

#: Seconds between two looks at what still runs.
LOOK_SECONDS = 0.2


def once(application: Application) -> list[Timer]:
    """Return the timers of the live slot that elapse once in the fleet."""
    live = application.live_slot()
    return [timer for timer in of_slot(application.slot(live)) if timer.is_once] if live else []


def let_go(
    application: Application, seconds: float, *, left: bool
) -> tuple[bool, dict[str, float]]:
    """Have nothing elapse here that does so once in the fleet, and wait until none of it runs.

    Args:
        application: The application.
        seconds: How long to wait for what runs.
        left: Whether the host must not become the home again, until `come_back`.

    Returns:
        Whether anything changed, and when each persistent timer has last elapsed (Unix time).

    Raises:
        Refusal: A run has not ended. Nothing elapses here any more; the next host must not begin.
    """
    changed = set_marks(application, home=False, left=left)
    live = application.live_slot()
    if live is None:
        return changed, {}
    changed |= follow(application.slot(live))
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
                "must not run on two hosts; the timers that run once in the fleet are stopped "
                f"meanwhile; wait for it, or end it here: systemctl stop {' '.join(running)}; "
                "then run again"
            )
        time.sleep(LOOK_SECONDS)
    return changed, {timer.name: last for timer in timers if (last := _last(timer))}


def _last(timer: Timer) -> float:
    try:
        return os.stat(timer.stamp).st_mtime if timer.is_persistent else 0.0
    except FileNotFoundError:
        return 0.0


def begin(application: Application, last: Mapping[str, float]) -> bool:
    """Have here elapse what does so once in the fleet. Return: any change.

    Args:
        application: The application.
        last: When each persistent timer has last elapsed, on the host that had it before. Without
            that, it counts from now on: what this host knows may be of long ago.

    Raises:
        Refusal: systemd refused something.
    """
    if not is_home(application):
        for timer in once(application):
            count_from(timer, float(last.get(timer.name, time.time())))
    changed = set_marks(application, home=True, left=False)
    live = application.live_slot()
    return follow(application.slot(live)) | changed if live else changed


def come_back(application: Application) -> bool:
    """Let the host become the home again. Return: any change."""
    return set_marks(application, home=is_home(application), left=False)
