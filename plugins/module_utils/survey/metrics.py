"""Whether the metrics of an application, and exporters that it passes on, answer. Only reads."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.host import systemd
from ansible_collections.asgi.fleet.plugins.module_utils.host.exporters import (
    EXPORTERS,
    HEADER,
    silence,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host.files import read_text
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.text import printable


def silent_metrics(application: Application) -> list[dict[str, str]]:
    """Return what of the metrics does not answer, as `asgi.fleet.app_info` documents it.

    What a host has is read from the endpoint's own file; without one, nothing is asked.
    """
    path = application.path("etc", application.name, "metrics.json")
    if not os.path.exists(path):
        return []
    try:
        told = dict(json.loads(read_text(path))["exporters"])
        exporters = {str(name): str(address) for name, address in told.items()}
    except (OSError, ValueError, KeyError, TypeError):
        # It does not start with such a file either, and its unit says so.
        exporters = {}
    return [*_endpoint(application.name), *_exporters(application, exporters)]


def _endpoint(name: str) -> Iterator[dict[str, str]]:
    socket, service = f"{name}-metrics.socket", f"{name}-metrics.service"
    found = systemd.show_all([socket, service])
    if found[socket]["ActiveState"] != "active":
        yield {"exporter": "", "address": "", "unit": socket, "reason": "it does not run"}
    elif found[service]["ActiveState"] == "failed":
        yield {"exporter": "", "address": "", "unit": service, "reason": "it has failed"}
    elif socket not in systemd.enabled([socket]):
        reason = "it is not enabled, and will not listen after a boot"
        yield {"exporter": "", "address": "", "unit": socket, "reason": reason}


def _exporters(application: Application, addresses: dict[str, str]) -> Iterator[dict[str, str]]:
    for name, address in addresses.items():
        packaged = EXPORTERS.get(name)
        drop_in = application.path(packaged.drop_in.lstrip("/")) if packaged else ""
        is_ours = os.path.exists(drop_in) and HEADER in read_text(drop_in)
        unit = packaged.unit if packaged and is_ours else ""
        # Of somebody else's it is not known what it tells.
        if reason := silence(name if unit else "", address, unit):
            yield {
                "exporter": name,
                "address": address,
                "unit": unit,
                "reason": printable(reason),
            }
