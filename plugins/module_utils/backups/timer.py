"""The program of the timer: makes a backup in the live release, without a controller.

It is packed with all that it imports (`host/program`), so that a timer's backup and that of a
rollout are made by the same code.
"""

# A program, and no module: it prints, and ends by itself.
# pylint: disable=ansible-bad-function

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import Any, NoReturn

from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.application.places import PlaceError
from ansible_collections.asgi.fleet.plugins.module_utils.application.provenance import ForeignError
from ansible_collections.asgi.fleet.plugins.module_utils.backups.making import (
    Job,
    Made,
    Surroundings,
    make,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host.files import read_text
from ansible_collections.asgi.fleet.plugins.module_utils.host.locking import UnsafeFolderError
from ansible_collections.asgi.fleet.plugins.module_utils.operation import commands
from ansible_collections.asgi.fleet.plugins.module_utils.operation.commands import CommandError
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.environment import (
    parse_environment,
)
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.sandbox import of_option

BY = "the timer"


def in_live(application: Application, config: dict[str, Any]) -> Surroundings:
    """Return the surroundings of a backup in the live release, with what that runs with.

    Args:
        application: The application.
        config: `public_names`, `sandbox` and `memory_max`, as the options of `asgi.fleet.backup`.

    Raises:
        CommandError: Nothing is live.
    """
    live = commands.live(application)
    environment = parse_environment(read_text(live.slot.files["environment"]))
    return Surroundings(
        release=live.release,
        user=live.user,
        environment=environment,
        secret_names=[name for name in environment if name not in config["public_names"]],
        sandbox=of_option(config["sandbox"]),
        memory_max=config["memory_max"],
        slot=live.slot.slot,
    )


def job_of(config: dict[str, Any]) -> Job:
    """Return the job that a configuration has."""
    return Job(config["command"], config["check"], float(config["timeout"]), int(config["keep"]))


def main(arguments: Sequence[str]) -> None:
    """Make a backup, by the configuration that the first argument names."""
    # What the command has started ends with this: `confined` sees to it.
    signal.signal(signal.SIGTERM, _stop)
    config = json.loads(read_text(arguments[0]))
    application = Application(config["name"])
    try:
        done: Made = make(application, job_of(config), in_live(application, config), BY)
    except (
        CommandError,
        ForeignError,
        OSError,
        PlaceError,
        TimeoutError,
        UnsafeFolderError,
    ) as error:
        sys.exit(f"no backup of {application.name} was made: {error}")
    backup = done.backup
    if not backup["good"]:
        told = f"no backup of {application.name}: {backup['problem']}"
        sys.exit("\n".join([told, *backup["lines"]]))
    print(f"a backup of {application.name} was made and checked: {backup['size']} bytes")


def _stop(_number: int, _frame: FrameType | None) -> NoReturn:
    sys.exit("the backup was stopped")
