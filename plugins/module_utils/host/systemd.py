"""Requests to systemd on a host, through systemctl(1)."""

# No AnsibleModule here, whose run_command ansible-test asks for.
# pylint: disable=ansible-bad-function

from __future__ import annotations

import subprocess
from collections.abc import Sequence

#: The caller of enable and disable reloads systemd itself, once and not for each unit.
WITHOUT_RELOAD = "--no-reload"
#: The properties of a unit that are used here.
PROPERTIES = (
    *("ActiveState", "SubState", "Result", "MainPID", "NRestarts", "ExecMainStatus"),
    *("ControlGroup", "Job"),
)


class Refusal(Exception):  # noqa: N818 - an outcome that is meant, with its own name
    """The release did not become live; the message says why and has the last output."""


def systemctl(*arguments: str, check: bool = True) -> str:
    """Run systemctl and return its output.

    Raises:
        Refusal: With systemctl's message.
    """
    # In a session of its own: a terminal that is gone does not end it in the middle.
    result = subprocess.run(
        ["systemctl", *arguments],
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,
    )
    if check and result.returncode != 0:
        told = (result.stderr or result.stdout).strip()
        raise Refusal(f"systemctl {' '.join(arguments)} failed: {told}")
    return result.stdout


def for_units(verb: str, units: Sequence[str], *options: str) -> None:
    """Run a verb of systemctl on all of `units`, if there are any."""
    if units:
        systemctl(verb, "--quiet", *options, *units)


def show(unit: str) -> dict[str, str]:
    """Return the `PROPERTIES` of a unit; unknown ones are empty."""
    output = systemctl("show", f"--property={','.join(PROPERTIES)}", unit)
    found = dict(line.partition("=")[::2] for line in output.splitlines())
    return {name: found.get(name, "") for name in PROPERTIES}


def show_all(units: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return the `PROPERTIES` of several units by their names, in one call."""
    if not units:
        return {}
    output = systemctl("show", f"--property=Id,{','.join(PROPERTIES)}", *units)
    blocks = [
        dict(line.partition("=")[::2] for line in block.splitlines())
        for block in output.strip().split("\n\n")
    ]
    found = {block.get("Id", ""): block for block in blocks}
    return {
        unit: {name: found.get(unit, {}).get(name, "") for name in PROPERTIES} for unit in units
    }


def is_starting(state: dict[str, str]) -> bool:
    """Return whether systemd is about to start a unit, or does it now: at boot, many wait.

    Args:
        state: Of `show`.
    """
    return state["ActiveState"] == "activating" or state["Job"] not in ("", "0")


def awaits_restart(state: dict[str, str]) -> bool:
    """Return whether a unit has ended by itself, and systemd is about to start it again.

    From systemd 254 on there are two such states, `auto-restart` and `auto-restart-queued`.

    Args:
        state: Of `show`.
    """
    return state["SubState"].startswith("auto-restart")


def reload() -> None:
    """Have systemd read its units again.

    Needed after every change below /etc/systemd/system: until then systemd reports all units of the
    host as "changed on disk", whichever was changed.
    """
    systemctl("daemon-reload")


def is_host_stopping() -> bool:
    """Return whether the host is going down."""
    return systemctl("is-system-running", check=False).strip() == "stopping"


def is_enabled(unit: str) -> bool:
    """Return whether the unit starts at boot."""
    return systemctl("is-enabled", unit, check=False).strip() == "enabled"


def enabled(units: Sequence[str]) -> set[str]:
    """Return those of `units` that start at boot; a unit without a file is refused by systemctl.

    As `is_enabled`, in one call: each one costs some milliseconds.
    """
    if not units:
        return set()
    # Older versions say nothing about a unit that has no file, and the lines would not match.
    lines = systemctl("is-enabled", *units, check=False).splitlines()
    if len(lines) != len(units):
        return {unit for unit in units if is_enabled(unit)}
    return {unit for unit, line in zip(units, lines, strict=True) if line.strip() == "enabled"}
