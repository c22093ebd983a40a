"""What a host needs, whatever it serves: updates, a reboot, memory, disks. Only reads."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from ansible_collections.asgi.fleet.plugins.module_utils.host.systemd import (
    enabled,
    is_starting,
    show,
)
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.state import (
    HostState,
    ServerUnit,
    Upkeep,
)
from ansible_collections.asgi.fleet.plugins.module_utils.survey.host import disks
from ansible_collections.asgi.fleet.plugins.module_utils.survey.memory import memory_kills
from ansible_collections.asgi.fleet.plugins.module_utils.survey.outdated import outdated
from ansible_collections.asgi.fleet.plugins.module_utils.survey.updates import updates

#: Folders whose file systems must not fill up: releases and virtual environments, logs and state.
DISKS = ("/opt", "/var")


def look_at_host(units: Sequence[str]) -> HostState:
    """Return the state of a host that serves by these units; see `asgi.fleet.host_info`."""
    needs = upkeep(dict.fromkeys(units, 0))
    return {
        "at": int(time.time()),
        "units": {unit: server_unit(unit) for unit in units},
        "disks": disks(DISKS),
        "updates": needs["updates"],
        "memory_kills": needs["memory_kills"],
        "outdated": needs["outdated"],
    }


def upkeep(since: Mapping[str, int]) -> Upkeep:
    """Return what waits to be installed or restarted, and what lacked memory.

    Args:
        since: Units that carry requests, each with the time (Unix) from which on lines of the
            journal concern it; 0 for all lines.
    """
    return {
        "updates": updates(),
        "memory_kills": memory_kills(since),
        "outdated": outdated({unit: int(show(unit)["MainPID"] or 0) for unit in since}),
    }


def server_unit(unit: str) -> ServerUnit:
    """Return whether a unit runs, is about to, and starts at boot."""
    state = show(unit)
    return {
        # While it reloads, it serves.
        "active": state["ActiveState"] in ("active", "reloading"),
        "starting": is_starting(state),
        "enabled": unit in enabled([unit]),
    }
