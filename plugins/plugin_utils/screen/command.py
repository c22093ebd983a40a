"""What was typed: the options of this ansible-playbook, and how the next command begins."""

from __future__ import annotations

import contextlib
import shlex
from pathlib import Path

from ansible import constants, context


def arguments(*names: str) -> list[str]:
    """Return the values of options of the command line, by their names in Ansible's own context."""
    values: list[str] = []
    for name in names:
        value = context.CLIARGS.get(name) or ()
        values += [value] if isinstance(value, str) else map(str, value)
    return values


def playbooks() -> str:
    """Return how the command of another playbook begins: `ansible-playbook -i ... playbooks`."""
    given = context.CLIARGS.get("inventory") or ()
    inventories = [] if list(given) == list(constants.DEFAULT_HOST_LIST) else given
    options = [f"-i {shlex.quote(_short(one))}" for one in inventories]
    return " ".join(["ansible-playbook", *options, "playbooks"])


def _short(path: str) -> str:
    """Return a path as it is written from here."""
    with contextlib.suppress(ValueError):
        return str(Path(path).relative_to(Path.cwd()))
    return path
