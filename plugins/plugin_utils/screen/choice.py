"""How a run is shown: by what the terminal can, and by what the operator wants to see."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto


class Look(Enum):
    """How a run is shown."""

    PICTURE = auto()
    LINES = auto()
    #: As `ansible.builtin.default` does.
    ANSIBLE = auto()


def look(
    *,
    quiet: bool,
    asks: bool,
    check: bool,
    terminal: bool,
    environment: Mapping[str, str],
) -> Look:
    """Return how a run is shown.

    Args:
        quiet: Whether no `-v` is given.
        asks: Whether Ansible asks before each task, or a debugger may.
        check: Whether nothing is to be changed: then each task that would change something counts,
            with its difference, and no rollout begins.
        terminal: Whether the output is a terminal.
        environment: The environment's variables.
    """
    if not quiet or asks or check:
        return Look.ANSIBLE
    is_ci = environment.get("CI", "").lower() not in ("", "0", "false")
    is_dumb = environment.get("TERM", "dumb") in ("dumb", "unknown", "")
    return Look.PICTURE if terminal and not is_ci and not is_dumb else Look.LINES
