"""What recycles a slot on its host: the program, its settings and its timer; written or removed."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import (
    SLOTS,
    Application,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host import systemd
from ansible_collections.asgi.fleet.plugins.module_utils.host.files import write_file
from ansible_collections.asgi.fleet.plugins.module_utils.host.program import bundle
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.recycle import start_seconds
from ansible_collections.asgi.fleet.plugins.module_utils.slots import recycling
from ansible_collections.asgi.fleet.plugins.module_utils.slots.cut_over import Desired
from ansible_collections.asgi.fleet.plugins.module_utils.slots.slot_files import (
    forget_counterpart,
    keep_counterpart,
)

#: What is given for the timer; without these, nothing recycles.
UNITS = ("service", "timer")


def files(
    application: Application, desired: Desired, wanted: Mapping[str, Any]
) -> dict[str, bytes]:
    """Return the files of what recycles, by path; none if nothing is wanted.

    Args:
        application: The application.
        desired: What shall be live.
        wanted: The units as `UNITS`, and what `recycling.Settings` has of them.
    """
    if not wanted:
        return {}
    own = _start_seconds(desired)
    settings = recycling.Settings(
        name=application.name,
        after_seconds=int(wanted["after_seconds"]),
        memory_percent=int(wanted["memory_percent"]),
        place=int(wanted["place"]),
        hosts=int(wanted["hosts"]),
        # The turns of all hosts are equally long, or they would run into each other.
        turn_seconds=recycling.turn_seconds(max(own, float(wanted.get("start_seconds") or 0))),
        start_seconds=own,
        health=asdict(desired.health),
        secret_names=desired.secret_names,
    )
    texts = {unit: str(wanted[unit]) for unit in UNITS}
    texts["settings"] = json.dumps(asdict(settings), indent=2) + "\n"
    found = {kind: text.encode() for kind, text in texts.items()}
    # The module has these sources with it; a program of an older version is replaced.
    found["program"] = bundle(recycling.__name__)
    return {application.recycling[kind]: content for kind, content in found.items()}


def _start_seconds(desired: Desired) -> float:
    """Return how many seconds a recycle may take until its slot is live."""
    return start_seconds(
        desired.health.timeout, [(one.overlap, one.stop_timeout) for one in desired.processes]
    )


def is_installed(application: Application, desired: Desired, wanted: Mapping[str, Any]) -> bool:
    """Return whether `install` would change nothing but the counterpart of the live slot."""
    contents = files(application, desired, wanted)
    if not contents:
        return not any(map(os.path.lexists, application.recycling.values()))
    return all(_content(path) == content for path, content in contents.items()) and os.path.islink(
        _link(application)
    )


def install(application: Application, desired: Desired, wanted: Mapping[str, Any]) -> bool:
    """Write or remove what recycles, with its timer started or stopped. Return: any change.

    Args:
        application: The application; it has a live slot, which is as `desired`.
        desired: What is live.
        wanted: See `files`.
    """
    live = application.live_slot()
    kept = live is not None and bool(wanted) and keep_counterpart(application.slot(live), desired)
    if is_installed(application, desired, wanted):
        return kept
    timer = os.path.basename(application.recycling["timer"])
    contents = files(application, desired, wanted)
    if contents:
        for path, content in contents.items():
            write_file(path, content.decode("utf-8", "surrogateescape"), 0o644)
        systemd.for_units("enable", [timer], systemd.WITHOUT_RELOAD)
        systemd.reload()
        # A timer that runs takes what it waits for from its file only when it starts.
        systemd.for_units("restart", [timer])
        return True
    if os.path.exists(application.recycling["timer"]):
        systemd.for_units("disable", [timer], "--now")
    for path in (*application.recycling.values(), application.recycled):
        if os.path.lexists(path):
            os.unlink(path)
    # Also of the slot that was live before: it has secrets.
    for slot in SLOTS:
        forget_counterpart(application.slot(slot))
    systemd.reload()
    return True


def _link(application: Application) -> str:
    timer = application.recycling["timer"]
    folder, name = os.path.split(timer)
    return os.path.join(folder, "timers.target.wants", name)


def _content(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""
