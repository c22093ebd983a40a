"""What its sandbox has refused to the live slot since it went live. Only reads."""

from __future__ import annotations

import time

from ansible_collections.asgi.fleet.plugins.module_utils.application import history
from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.host.files import read_text
from ansible_collections.asgi.fleet.plugins.module_utils.host.journal import matching
from ansible_collections.asgi.fleet.plugins.module_utils.host.refusals import JOURNAL, refusals
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.environment import (
    parse_environment,
)
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.state import Refused

#: Seconds of the journal that are read: what was refused is asked for again.
RECENT_SECONDS = 24 * 3600


def live_since(application: Application) -> int:
    """Return since when the live slot is live (Unix time); 0 if no slot is."""
    since = 0
    for done in history.activations(application):
        if done.event == "live":
            since = done.at
    return since


def refused(application: Application) -> list[Refused]:
    """Return what was certainly refused to the live slot, as its journal has it."""
    name = application.live_slot()
    if name is None:
        return []
    slot = application.slot(name)
    since = max(live_since(application), time.time() - RECENT_SECONDS)
    return refusals(
        matching(slot.units[1], since, JOURNAL),
        slot.release() or "",
        parse_environment(read_text(slot.files["environment"])),
    )
