"""The load on a fleet from one of its hosts, and what nginx's log on each host says of it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.drill import load as program
from ansible_collections.asgi.fleet.plugins.module_utils.drill.units import (
    DrillError,
    running,
    start,
    stop,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host.files import read_text
from ansible_collections.asgi.fleet.plugins.module_utils.releases.programs import text_of
from ansible_collections.asgi.fleet.plugins.module_utils.servers.traffic import lines_since

#: Gone with the next boot, as the unit is.
FOLDER = "run/asgi-fleet-drill"
#: Seconds by which two hosts' clocks may differ.
CLOCKS_DIFFER = 30.0


def begin(application: Application, options: dict[str, Any], seconds: int) -> None:
    """Start the load.

    Args:
        application: The application.
        options: See `load.load`.
        seconds: After which it ends by itself.

    Raises:
        DrillError: It does not start.
    """
    path = _output(application)
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    Path(path).unlink(missing_ok=True)
    command = ["/usr/bin/python3", "-I", "-c", text_of(program), json.dumps(options)]
    # An account of nobody's: it only sends requests.
    properties = ("DynamicUser=yes", f"StandardOutput=truncate:{path}", "TimeoutStopSec=45")
    start(application, "load", command, seconds, *properties)


def end(application: Application) -> dict[str, Any]:
    """End the load, and return what it saw.

    Raises:
        DrillError: It has ended before, or told nothing.
    """
    ran = running(application, "load")
    stop(application, "load")
    text = read_text(_output(application))
    Path(_output(application)).unlink(missing_ok=True)
    if not ran or not text:
        raise DrillError(
            "the load has ended before it was told to, so nothing is known of this exercise; see "
            f"journalctl -u 'asgi-fleet-{application.name}-drill-*'"
        )
    found: dict[str, Any] = json.loads(text)
    return found


def logged(log: Path, agent: str, since: float) -> dict[str, int]:
    """Return how many requests of a load nginx has logged here, and how many of them failed.

    Args:
        log: nginx's log.
        agent: How the load calls itself.
        since: When it began, by the clock of another host.

    Raises:
        OSError: The log cannot be read.
    """
    requests = failed = 0
    for line in lines_since(log, since - CLOCKS_DIFFER):
        try:
            entry = json.loads(line)
            if entry["user_agent"] != agent:
                continue
            failed += int(entry["status"]) >= 500
        except (ValueError, KeyError, TypeError):
            continue
        requests += 1
    return {"requests": requests, "failed": failed}


def _output(application: Application) -> str:
    return application.path(FOLDER, f"{application.name}.json")
