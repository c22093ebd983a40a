"""Whether this host is its application's home: where that runs which runs once in a fleet.

A mark on the host, which a playbook moves (playbooks/tasks/home.yml). What a release starts goes by
it, so that hosts need not agree on anything while they switch.
"""

from __future__ import annotations

import contextlib
import os

from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.host.files import write_file


def left_mark(application: Application) -> str:
    """Return the file that is there while the host must not be the home: it is drained."""
    return application.path("var/lib", application.name, "left")


def is_home(application: Application) -> bool:
    """Return whether what runs once in the fleet runs here."""
    return os.path.exists(application.singletons)


def has_left(application: Application) -> bool:
    """Return whether the host must not become the home."""
    return os.path.exists(left_mark(application))


def set_marks(application: Application, *, home: bool, left: bool) -> bool:
    """Write or remove the two marks. Return: whether any of them was another one.

    Raises:
        OSError: One cannot be written.
    """
    return _set(application.singletons, home) | _set(left_mark(application), left)


def _set(path: str, wanted: bool) -> bool:
    if os.path.exists(path) == wanted:
        return False
    if wanted:
        write_file(path, "", 0o644)
    else:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
    return True
