"""The units of a drill: transient ones, each with a time limit, of which nothing stays."""

# No AnsibleModule here, whose run_command ansible-test asks for.
# pylint: disable=ansible-bad-function

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.host import systemd

#: What a unit of a drill is for.
NAMES = ("load", "fill", "lose")


class DrillError(Exception):
    """An exercise cannot be done here, or did not end well; the message says why."""


def unit(application: Application, name: str) -> str:
    """Return the unit of a drill: `asgi-fleet-shop-drill-load.service`."""
    return f"asgi-fleet-{application.name}-drill-{name}.service"


def start(
    application: Application, name: str, command: Sequence[str], seconds: int, *properties: str
) -> None:
    """Start a unit.

    Args:
        application: The application.
        name: Which one.
        command: The program and its arguments.
        seconds: After which systemd ends it.
        properties: Further properties.

    Raises:
        DrillError: systemd does not start it.
    """
    stop(application, name)
    given = (f"RuntimeMaxSec={seconds}", "Type=exec", *properties)
    result = subprocess.run(
        [
            *("systemd-run", "--quiet", "--collect", f"--unit={unit(application, name)}"),
            f"--description=asgi.fleet: a drill of {application.name} ({name})",
            *(f"--property={one}" for one in given),
            # systemd would put variables of its own environment in (systemd.service(5)).
            *(word.replace("$", "$$") for word in command),
        ],
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,
    )
    if result.returncode != 0:
        raise DrillError(f"systemd does not start {unit(application, name)}: {result.stderr}")


def stop(application: Application, name: str) -> None:
    """Stop a unit, if it runs."""
    systemd.systemctl("stop", unit(application, name), check=False)


def running(application: Application, name: str) -> bool:
    """Return whether a unit runs, or ends just now."""
    state = systemd.show(unit(application, name))["ActiveState"]
    return state in ("active", "activating", "deactivating")


def left(application: Application) -> list[str]:
    """Return the units that run."""
    return [unit(application, name) for name in NAMES if running(application, name)]
