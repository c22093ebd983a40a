"""What a slot runs besides its web workers: its units, and which of them must run. Only reads.

A unit is `<app>@<slot>-<name>-<number>.service`: within the names of the application's slots, so
that no other application can have it, and the journal of `<app>@*` has its lines.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import (
    SLOTS,
    Application,
    Slot,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host.files import read_text

#: What comes after `<app>@` in the name of a process's unit.
UNIT = r"(?P<slot>blue|green)-(?P<process>[a-z][a-z0-9-]*)-(?P<number>[0-9]+)\.service"


@dataclass(frozen=True)
class Process:
    """A process, as the host must know it; how it runs is in its unit.

    Attributes:
        name: Its name.
        count: How many of it run.
        overlap: Whether the new one may start while the old one runs.
        once_per_fleet: Whether it runs only on the host that has what runs once in a fleet.
        stop_timeout: Seconds that it may take to end.
    """

    name: str
    count: int = 1
    overlap: bool = True
    once_per_fleet: bool = False
    stop_timeout: int = 30


def units(slot: Slot, processes: Iterable[Process]) -> list[str]:
    """Return the units of processes in a slot."""
    return [
        f"{slot.unit}-{process.name}-{number + 1}.service"
        for process in processes
        for number in range(process.count)
    ]


def unit_path(slot: Slot, unit: str) -> str:
    """Return the file of a unit."""
    return os.path.join(os.path.dirname(slot.files["service"]), unit)


def name_of(slot: Slot, unit: str) -> str:
    """Return the name of the process that a unit is of."""
    found = _match(slot, unit)
    return found["process"] if found else ""


def existing(slot: Slot) -> list[str]:
    """Return the units of a slot's processes that have a file."""
    try:
        names = os.listdir(os.path.dirname(slot.files["service"]))
    except FileNotFoundError:
        return []
    return sorted(name for name in names if _match(slot, name))


def planned(slot: Slot) -> tuple[Process, ...]:
    """Return the processes that a slot was configured with."""
    text = read_text(slot.plan)
    told = json.loads(text).get("processes", []) if text else []
    return tuple(Process(**process) for process in told)


def plan_entry(processes: Iterable[Process]) -> list[dict[str, Any]]:
    """Return what `planned` reads, for the slot's plan."""
    return [asdict(process) for process in processes]


def wanted(slot: Slot) -> list[str]:
    """Return the units that run while the slot is live."""
    here = runs_singletons(slot.application)
    processes = [one for one in planned(slot) if here or not one.once_per_fleet]
    there = set(existing(slot))
    return [unit for unit in units(slot, processes) if unit in there]


def runs_singletons(application: Application) -> bool:
    """Return whether what runs once in a fleet runs on this host."""
    return os.path.exists(application.singletons)


def longest_stop(application: Application) -> int:
    """Return how many seconds the processes of both slots may take to end."""
    slots = map(application.slot, SLOTS)
    return max((one.stop_timeout for slot in slots for one in planned(slot)), default=0)


def contents(slot: Slot) -> Mapping[str, str]:
    """Return the text of each unit that has a file."""
    return {unit: read_text(unit_path(slot, unit)) for unit in existing(slot)}


def texts_by_name(slot: Slot) -> dict[str, str]:
    """Return the text of each process's units, which are all the same, by its name."""
    return {name_of(slot, unit): text for unit, text in contents(slot).items()}


def _match(slot: Slot, unit: str) -> re.Match[str] | None:
    prefix = f"{slot.application.name}@"
    found = re.fullmatch(UNIT, unit[len(prefix) :]) if unit.startswith(prefix) else None
    return found if found and found["slot"] == slot.slot else None
