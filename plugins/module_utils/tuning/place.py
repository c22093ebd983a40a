"""The slot of a measurement: beside blue and green, and gone when the measurement has ended.

    /run/systemd/system/<app>@tune.{socket,service}   not enabled, and gone with the next boot
    /etc/<app>/tune/                                  its settings, and a link of its own
    /run/<app>/tune.sock                              its socket
    /var/lib/<app>/tune/                              the load tool, if the host has none

It is not the idle slot: that one's files are what a revert starts again. Its workers find their own
socket behind their own link, so that they answer as live ones do; those of a slot that is not live
close each connection after one answer, and would be measured as that much slower.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import (
    Application,
    Slot,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host.systemd import Refusal

SLOT = "tune"
_COMMAND = re.compile(r"^ExecStart=(.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Step:
    """A number of workers to measure, and the limits of a slot that has them.

    Attributes:
        workers: How many.
        memory_max_mb: MemoryMax= of its unit.
        tasks_max: TasksMax= of its unit.
    """

    workers: int
    memory_max_mb: int
    tasks_max: int


class TuneSlot(Slot):
    """The files and units of the slot."""

    @property
    def files(self) -> dict[str, str]:
        """The slot's files; its units are not where those of the other slots are."""
        units = self.application.path("run/systemd/system")
        return {
            **super().files,
            "socket": f"{units}/{self.unit}.socket",
            "service": f"{units}/{self.unit}.service",
        }

    @property
    def folder(self) -> str:
        """The folder of its settings."""
        return self.application.path("etc", self.application.name, self.slot)

    @property
    def live_link(self) -> str:
        """The link by which its workers take themselves for live; the settings name it."""
        return os.path.join(self.folder, "live.sock")

    @property
    def drop_in(self) -> str:
        """What differs from one number of workers to the next."""
        return f"{self.files['service']}.d/workers.conf"

    @property
    def tool_folder(self) -> str:
        """Where the load tool is unpacked, if the host has none; /run allows no programs."""
        return self.application.path("var/lib", self.application.name, self.slot)

    def part(self, name: str) -> str:
        """Return the name of a unit that measures, without `.service`."""
        return f"asgi-fleet-{self.application.name}-{SLOT}-{name}"


def slot_of(application: Application) -> TuneSlot:
    """Return the slot of an application's measurement."""
    return TuneSlot(application, SLOT)


def drop_in_text(service: str, step: Step) -> str:
    """Return the drop-in that starts so many workers.

    Gunicorn takes what stands on its command line before what its settings say.

    Args:
        service: The unit.
        step: The number of workers.

    Raises:
        Refusal: The unit starts nothing.
    """
    commands = _COMMAND.findall(service)
    if not commands:
        raise Refusal(
            "the unit has no line ExecStart=; expected one that starts Gunicorn, to which the "
            "number of workers can be added; correct gunicorn_service_service_template"
        )
    return (
        "[Service]\n"
        # What crashes under load is a finding.
        "Restart=no\n"
        "ExecStart=\n"
        f"ExecStart={commands[-1]} --workers {step.workers}\n"
        f"MemoryMax={step.memory_max_mb}M\n"
        f"TasksMax={step.tasks_max}\n"
    )
