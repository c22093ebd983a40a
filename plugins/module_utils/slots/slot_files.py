"""The files of a slot on disk, and those that the other slot would have for the same release.

A recycle starts the other slot with the same release, settings and environment, without the
controller. What differs between both slots' files is their name, which may also be a word in a
setting. So the controller's own version for the other slot is kept beside each slot's.
"""

from __future__ import annotations

import json
import os

from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import (
    FILE_MODES,
    Slot,
    other,
)
from ansible_collections.asgi.fleet.plugins.module_utils.application.processes import plan_entry
from ansible_collections.asgi.fleet.plugins.module_utils.host import systemd
from ansible_collections.asgi.fleet.plugins.module_utils.host.files import (
    read_text,
    remove_tree,
    replace_link,
    write_file,
)
from ansible_collections.asgi.fleet.plugins.module_utils.slots import processes
from ansible_collections.asgi.fleet.plugins.module_utils.slots.cut_over import Desired

#: The units of the other slot's processes, by the names of these: JSON.
PROCESSES = "processes.json"


def configure(slot: Slot, desired: Desired) -> None:
    """Write the files of an idle slot, point its link at the release, and enable its units."""
    os.makedirs(os.path.dirname(slot.files["settings"]), mode=0o755, exist_ok=True)
    # It is of what the slot ran before.
    forget_counterpart(slot)
    try:
        for kind, path in slot.files.items():
            write_file(path, desired.files[slot.slot][kind], FILE_MODES[kind])
        os.makedirs(os.path.dirname(slot.release_link), mode=0o755, exist_ok=True)
        processes.configure(slot, desired.processes, desired.process_files.get(slot.slot, {}))
        told = {"workers": desired.workers, "processes": plan_entry(desired.processes)}
        write_file(slot.plan, json.dumps(told) + "\n", 0o644)
        relative = os.path.relpath(desired.release, os.path.dirname(slot.release_link))
        replace_link(relative, slot.release_link)
        # Before the start, for one reload instead of two. If the host goes down meanwhile, the
        # slot starts with it, but is not live, and the next run disables it.
        systemd.for_units("enable", slot.units, systemd.WITHOUT_RELOAD)
    finally:
        # Of what could be written, if not all could.
        systemd.reload()


def counterpart(slot: Slot) -> dict[str, str]:
    """Return what the other slot's files would be, by kind; empty texts for what is not kept."""
    return {kind: read_text(os.path.join(slot.counterpart, kind)) for kind in FILE_MODES}


def counterpart_processes(slot: Slot) -> dict[str, str]:
    """Return what the units of the other slot's processes would be, by the names of these."""
    text = read_text(os.path.join(slot.counterpart, PROCESSES))
    found: dict[str, str] = json.loads(text) if text else {}
    return found


def keep_counterpart(slot: Slot, desired: Desired) -> bool:
    """Keep the other slot's version of the files beside a slot's own. Return: any change.

    Args:
        slot: A slot that runs.
        desired: What it runs, with the files of both slots.
    """
    wanted = desired.files[other(slot.slot)]
    units = dict(desired.process_files.get(other(slot.slot), {}))
    is_kept = counterpart(slot) == {kind: wanted[kind] for kind in FILE_MODES}
    if is_kept and counterpart_processes(slot) == units:
        return False
    # The environment has secrets.
    os.makedirs(slot.counterpart, mode=0o700, exist_ok=True)
    for kind, mode in FILE_MODES.items():
        write_file(os.path.join(slot.counterpart, kind), wanted[kind], mode)
    write_file(os.path.join(slot.counterpart, PROCESSES), json.dumps(units) + "\n", 0o644)
    return True


def forget_counterpart(slot: Slot) -> bool:
    """Remove the other slot's version of the files. Return: any change."""
    if not os.path.isdir(slot.counterpart):
        return False
    remove_tree(slot.counterpart)
    return True
