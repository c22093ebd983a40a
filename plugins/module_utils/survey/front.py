"""What a visitor meets on this host before the application: nginx. Only reads."""

from __future__ import annotations

import time
from dataclasses import dataclass

from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.front import front_fault
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.state import Front
from ansible_collections.asgi.fleet.plugins.module_utils.survey.host import (
    ask_https,
    maintenance_since,
)
from ansible_collections.asgi.fleet.plugins.module_utils.survey.upkeep import server_unit

NGINX = "nginx.service"
#: What may pass by itself, such as the moment of a reload, is asked again so often, a second later.
ATTEMPTS = 3
POLL_SECONDS = 1


@dataclass(frozen=True)
class Visit:
    """A request as a visitor's, to nginx on this host.

    Attributes:
        domain: The server name.
        path: The health path, as visitors request it.
        port: nginx's port; 0 asks nothing.
        certificate: Path of the certificate that should be served; empty for none.
    """

    domain: str
    path: str
    port: int
    certificate: str = ""


def look_at_front(application: Application, visit: Visit) -> Front | None:
    """Return what a visitor meets; None if it is not asked."""
    if not visit.port:
        return None
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(POLL_SECONDS)
        since = maintenance_since(application)
        front: Front = {
            "nginx": server_unit(NGINX),
            "https": ask_https(visit.domain, visit.path, visit.port, visit.certificate),
            "maintenance_since": since,
        }
        fault = front_fault(front["nginx"], front["https"], maintenance=since is not None)
        # Without a live release nothing answers behind nginx, however long this waits.
        if fault is None or not fault.waits or (not fault.closed and _is_new(application)):
            break
    return front


def _is_new(application: Application) -> bool:
    return application.live_slot() is None
