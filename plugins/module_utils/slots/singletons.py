"""What runs once in a fleet: it ends on one host before it starts on another.

Where it runs is decided on the controller. The host only knows whether it is the one, in a file,
since slots come and go.
"""

from __future__ import annotations

import os
from typing import TypedDict

from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.application.processes import (
    planned,
    runs_singletons,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host.files import write_file
from ansible_collections.asgi.fleet.plugins.module_utils.slots import processes
from ansible_collections.asgi.fleet.plugins.module_utils.slots.cut_over import exclusive, settle

#: Seconds that an activation may take which this waits for.
PATIENCE = 180.0


class Singletons(TypedDict):
    """Whether they run here, and whether this host is drained."""

    here: bool
    away: bool


def look(application: Application) -> Singletons:
    """Return how it is."""
    return {"here": runs_singletons(application), "away": os.path.exists(application.away)}


def leave(application: Application) -> bool:
    """End what runs once in a fleet, and note that this host does not serve. Return: any change.

    Raises:
        Refusal: systemd refused something, or another activation goes on.
    """
    with exclusive(application, PATIENCE):
        was = look(application)
        if not was["away"]:
            write_file(application.away, "", 0o644)
        if was["here"]:
            _end(application)
            processes.take_singletons(application, False)
            _settle(application)
        return was["here"] or not was["away"]


def take(application: Application) -> bool:
    """Start what runs once in a fleet, which runs nowhere else now. Return: any change.

    Raises:
        Refusal: systemd refused something, or another activation goes on.
    """
    with exclusive(application, PATIENCE):
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
        names = {process.name for process in planned(slot) if process.once_per_fleet}
        processes.stop_alone(slot, names)


def _settle(application: Application) -> bool:
    live = application.live_slot()
    return live is not None and settle(application, application.slot(live), stop=False)
