"""The units of a slot's processes: written, enabled and running where they must, and nowhere else.

`process_start.py` starts those of a release that is not live yet, and has them prove themselves.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence

from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import (
    Application,
    Slot,
)
from ansible_collections.asgi.fleet.plugins.module_utils.application.processes import (
    Process,
    contents,
    existing,
    name_of,
    planned,
    runs_singletons,
    unit_path,
    units,
    wanted,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host import systemd
from ansible_collections.asgi.fleet.plugins.module_utils.host.files import write_file

#: States of a unit that runs, or that systemd starts again by itself.
_UP = ("active", "activating", "reloading")


def texts(slot: Slot, processes: Sequence[Process], files: Mapping[str, str]) -> Mapping[str, str]:
    """Return the text of each unit that a slot must have.

    Args:
        slot: The slot.
        processes: Its processes.
        files: The text of the units of each process, by its name: all of one are the same.
    """
    return {unit: files[process.name] for process in processes for unit in units(slot, [process])}


def configure(slot: Slot, processes: Sequence[Process], files: Mapping[str, str]) -> None:
    """Write the units of an idle slot and remove those that it no longer has; does not reload."""
    needed = texts(slot, processes, files)
    gone = [unit for unit in existing(slot) if unit not in needed]
    for unit in gone:
        os.unlink(unit_path(slot, unit))
    if gone:
        # One that was killed at its end would stay "failed" without a unit file.
        systemd.systemctl("reset-failed", *gone, check=False)
    for unit, text in needed.items():
        write_file(unit_path(slot, unit), text, 0o644)


def differences(
    slot: Slot, processes: Sequence[Process], files: Mapping[str, str], *, same_release: bool
) -> str:
    """Return how the processes of a slot differ from the wanted ones, for people; empty if not.

    Args:
        slot: The slot.
        processes: The wanted ones.
        files: As for `texts`.
        same_release: Whether the slot runs the wanted release: each unit names its release.
    """
    current, needed = contents(slot), texts(slot, processes, files)
    before, after = ({one.name: one for one in some} for some in (planned(slot), processes))
    told = []
    for name in sorted({*before, *after, *(name_of(slot, unit) for unit in current)}):
        old, new = before.get(name), after.get(name)
        if new is None:
            told.append(f"{name} removed")
        elif old is None:
            told.append(f"{name} added")
        elif old.count != new.count:
            told.append(f"{name} {old.count} -> {new.count}")
        elif old != new or (same_release and _differ(slot, new, current, needed)):
            told.append(f"{name} changed")
    return ", ".join(told)


def _differ(
    slot: Slot, process: Process, current: Mapping[str, str], needed: Mapping[str, str]
) -> bool:
    return any(current.get(unit) != needed[unit] for unit in units(slot, [process]))


def take_singletons(application: Application, here: bool | None) -> bool:
    """Note whether what runs once in a fleet runs here. Return: whether that is a change.

    Args:
        application: The application.
        here: None for as it is.
    """
    if here in (None, runs_singletons(application)):
        return False
    if here:
        write_file(application.singletons, "", 0o644)
    else:
        os.unlink(application.singletons)
    return True


def at_boot(live: Slot, idle: Slot) -> tuple[list[str], list[str]]:
    """Return the units that must start at boot, and those that must not."""
    needed = wanted(live)
    return needed, [unit for unit in [*existing(live), *existing(idle)] if unit not in needed]


def settle(live: Slot, idle: Slot) -> bool:
    """Stop the processes that must not run, each by its own signal, and start those that must.

    Two releases never share a queue for longer than a cut-over takes, whatever becomes of the web
    workers of the old one. Nothing is waited for, except that a process without overlap has ended
    before its successor starts.

    Returns:
        Whether anything was stopped or started.
    """
    needed, others = at_boot(live, idle)
    if not needed and not others:
        return False
    states = systemd.show_all([*needed, *others])
    stopping = [unit for unit in others if states[unit]["ActiveState"] in _UP]
    starting = [unit for unit in needed if states[unit]["ActiveState"] not in _UP]
    alone = {process.name for process in planned(live) if not process.overlap}
    # One of the idle slot that is about to end has still to be waited for.
    ending = [unit for unit in others if states[unit]["ActiveState"] not in ("inactive", "failed")]
    waited = [unit for unit in ending if name_of(idle, unit) in alone & _names(live, starting)]
    systemd.for_units("stop", [unit for unit in stopping if unit not in waited], "--no-block")
    systemd.for_units("stop", waited)
    if starting:
        systemd.systemctl("reset-failed", *starting, check=False)
        # Behind the stop of one that still ends: systemd keeps the order.
        systemd.for_units("start", starting, "--no-block")
    return bool(stopping or starting)


def stop_alone(slot: Slot, names: Collection[str]) -> None:
    """Stop the processes of these names and wait for their end."""
    systemd.for_units("stop", [unit for unit in existing(slot) if name_of(slot, unit) in names])


def _names(slot: Slot, of_units: Sequence[str]) -> set[str]:
    return {name_of(slot, unit) for unit in of_units}
