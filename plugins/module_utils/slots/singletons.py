"""What runs once in a fleet: it ends on one host before it starts on another.

Where it runs is decided on the controller. The host only knows whether it is the one, in a file,
since slots come and go.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TypedDict

from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.application.processes import (
    planned,
    runs_singletons,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host.controller import ControllerGone
from ansible_collections.asgi.fleet.plugins.module_utils.host.files import write_file
from ansible_collections.asgi.fleet.plugins.module_utils.host.systemd import Refusal
from ansible_collections.asgi.fleet.plugins.module_utils.slots import processes
from ansible_collections.asgi.fleet.plugins.module_utils.slots.cut_over import exclusive, settle
from ansible_collections.asgi.fleet.plugins.module_utils.timers import moving

#: Seconds that an activation may take which this waits for.
PATIENCE = 180.0


class Singletons(TypedDict):
    """How it is.

    Keys:
        here: Whether they run here.
        away: Whether this host is drained.
        planned: Whether what is live has anything of the kind.
    """

    here: bool
    away: bool
    planned: bool


def look(application: Application) -> Singletons:
    """Return how it is."""
    return {
        "here": runs_singletons(application),
        "away": os.path.exists(application.away),
        "planned": bool(_processes(application) or moving.once(application)),
    }


def leave(application: Application, seconds: float) -> tuple[bool, dict[str, float]]:
    """End what runs once in a fleet, and note that this host does not serve.

    Processes get their signal. A run of a timer goes on, and this waits for its end.

    Args:
        application: The application.
        seconds: How long to wait for runs of timers.

    Returns:
        Whether anything changed, and when each persistent timer has last elapsed (Unix time).

    Raises:
        Refusal: systemd refused something, another activation goes on, or a run has not ended.
        ControllerGone: The controller has left while this waited.
    """
    with exclusive(application, PATIENCE):
        was = look(application)
        if was["here"]:
            _end(application)
            processes.take_singletons(application, False)
            _settle(application)
        try:
            last = moving.wait_for_runs(application, seconds)
        except (ControllerGone, Refusal):
            # It has not left, and goes on: no other host begins.
            processes.take_singletons(application, was["here"])
            _settle(application)
            raise
        if not was["away"]:
            write_file(application.away, "", 0o644)
    return was["here"] or not was["away"], last


def take(application: Application, last: Mapping[str, float] | None = None) -> bool:
    """Start what runs once in a fleet, which runs nowhere else now. Return: any change.

    Args:
        application: The application.
        last: When each persistent timer has last elapsed on the host that had it before; None if
            no other host has had it, and this one knows.

    Raises:
        Refusal: systemd refused something, or another activation goes on.
    """
    with exclusive(application, PATIENCE):
        if last is not None and not runs_singletons(application):
            moving.count_on(application, last)
        changed = processes.take_singletons(application, True)
        return _settle(application) or changed


def come_back(application: Application) -> bool:
    """Note that this host serves again; it takes nothing back. Return: any change."""
    if not os.path.exists(application.away):
        return False
    os.unlink(application.away)
    return True


def _end(application: Application) -> None:
    live = application.live_slot()
    if live is not None:
        slot = application.slot(live)
        processes.stop_alone(slot, _processes(application))


def _processes(application: Application) -> set[str]:
    """Return the names of the live slot's processes that run once in a fleet."""
    live = application.live_slot()
    found = planned(application.slot(live)) if live else ()
    return {process.name for process in found if process.once_per_fleet}


def _settle(application: Application) -> bool:
    live = application.live_slot()
    return live is not None and settle(application, application.slot(live), stop=False)
