"""The units of an application's timers: names, files, and what a slot says that they shall be.

They belong to the application, not to a slot: systemd starts a unit once at a time, and knows by
its name when it has last elapsed. What differs between the slots is in one file of each slot, all
units one after the other, so that a revert finds it. Reads, and changes nothing.

The names have the @ that the slots' have, which no name of an application contains: the timer
`api-sync` of `shop` and `sync` of `shop-api` cannot be meant by one name.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import (
    Application,
    Slot,
)
from ansible_collections.asgi.fleet.plugins.module_utils.application.provenance import (
    is_ours_by_header,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host import systemd
from ansible_collections.asgi.fleet.plugins.module_utils.host.files import read_text

#: How a slot's file begins each unit: templates/timers.j2 of the role gunicorn_service.
_BEGINS = re.compile(r"^#: (\S+)\n", re.MULTILINE)
_ONCE = re.compile(r"^OncePerFleet=yes$", re.MULTILINE)
_PERSISTENT = re.compile(r"^Persistent=yes$", re.MULTILINE)
_SCHEDULE = re.compile(r"^OnCalendar=(.+)$", re.MULTILINE)
_JITTER = re.compile(r"^RandomizedDelaySec=([0-9]+)$", re.MULTILINE)
FOLDER = "etc/systemd/system"
#: Where systemd keeps when a persistent timer has last elapsed: systemd.timer(5).
STAMPS = "var/lib/systemd/timers"


@dataclass(frozen=True)
class Timer:
    """One timer: the texts of its two units.

    Attributes:
        application: Whose it is.
        name: As in `app_timers`.
        timer: When it elapses.
        service: What then runs.
    """

    application: Application
    name: str
    timer: str = ""
    service: str = ""

    @property
    def unit(self) -> str:
        """What the names of its units have in common."""
        return f"{self.application.name}@timer-{self.name}"

    @property
    def timer_unit(self) -> str:
        """The unit that elapses."""
        return f"{self.unit}.timer"

    @property
    def service_unit(self) -> str:
        """The unit that runs."""
        return f"{self.unit}.service"

    @property
    def timer_file(self) -> str:
        """The file of the timer unit."""
        return self.application.path(FOLDER, self.timer_unit)

    @property
    def service_file(self) -> str:
        """The file of the service unit."""
        return self.application.path(FOLDER, self.service_unit)

    @property
    def stamp(self) -> str:
        """The file whose modification time says when a persistent timer has last elapsed."""
        return self.application.path(STAMPS, f"stamp-{self.timer_unit}")

    @property
    def is_once(self) -> bool:
        """Whether only one host of the fleet runs it."""
        return bool(_ONCE.search(self.timer))

    @property
    def is_persistent(self) -> bool:
        """Whether a run that was missed is made up for."""
        return bool(_PERSISTENT.search(self.timer))

    @property
    def schedule(self) -> str:
        """Its calendar expression."""
        found = _SCHEDULE.search(self.timer)
        return found[1] if found else ""

    @property
    def jitter(self) -> int:
        """Most seconds by which a run is delayed at random."""
        found = _JITTER.search(self.timer)
        return int(found[1]) if found else 0


@dataclass(frozen=True)
class BackupTimer(Timer):
    """The timer that makes backups between releases, which no slot has (`backups/schedule.py`).

    Attributes:
        name: One that none of `app_timers` may have.
    """

    name: str = "app_backup"

    @property
    def unit(self) -> str:
        """What the names of its units have in common."""
        return f"{self.application.name}-backup"

    @property
    def is_once(self) -> bool:
        """That only one host of the fleet runs it."""
        return True


def parse(application: Application, text: str) -> list[Timer]:
    """Return the timers of a slot's file, in its order; an empty file has none."""
    pieces = _BEGINS.split(text)[1:]
    texts = {
        unit: f"{body.rstrip()}\n" for unit, body in zip(pieces[::2], pieces[1::2], strict=True)
    }
    pattern = re.compile(rf"{re.escape(application.name)}@timer-([a-z0-9-]+)\.timer")
    names = [found[1] for found in map(pattern.fullmatch, texts) if found]
    blank = [Timer(application, name) for name in names]
    return [
        Timer(application, one.name, texts[one.timer_unit], texts.get(one.service_unit, ""))
        for one in blank
    ]


def of_slot(slot: Slot) -> list[Timer]:
    """Return the timers that belong to what runs in a slot."""
    return parse(slot.application, read_text(slot.files["timers"]))


def present(application: Application) -> list[Timer]:
    """Return the timers that have a unit file of ours on the host, with these files' texts."""
    beginning = application.path(FOLDER, f"{application.name}@timer-")
    paths = [
        path
        for kind in ("timer", "service")
        for path in glob.glob(f"{glob.escape(beginning)}*.{kind}")
        if is_ours_by_header(path, application)
    ]
    names = {path[len(beginning) :].rpartition(".")[0] for path in paths}
    return [
        Timer(application, one.name, read_text(one.timer_file), read_text(one.service_file))
        for one in (Timer(application, name) for name in sorted(names))
    ]


def of_backups(application: Application) -> list[Timer]:
    """Return the timer of the application's backups, if its unit is on the host."""
    one = BackupTimer(application)
    if not is_ours_by_header(one.timer_file, application):
        return []
    return [replace(one, timer=read_text(one.timer_file), service=read_text(one.service_file))]


def states(units: list[str], *properties: str) -> dict[str, dict[str, str]]:
    """Return properties of units, by name, in one call; a unit that is not there is inactive."""
    if not units:
        return {}
    wanted = ",".join(("Id", "ActiveState", *properties))
    told = systemd.systemctl("show", f"--property={wanted}", *units)
    return {unit: {"ActiveState": "inactive"} for unit in units} | blocks(told)


def blocks(told: str) -> dict[str, dict[str, str]]:
    """Return the properties that `systemctl show` printed of several units, by their Id."""
    found = (
        dict(line.partition("=")[::2] for line in block.splitlines())
        for block in told.strip().split("\n\n")
    )
    return {values["Id"]: values for values in found if "Id" in values}


def runs(state: Mapping[str, str]) -> bool:
    """Tell by the state of a service whether a run of it has not ended."""
    return state["ActiveState"] not in ("inactive", "failed")
