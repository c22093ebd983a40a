"""Removing the releases that an application no longer needs."""

from __future__ import annotations

import os
from contextlib import suppress

from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.host.files import remove_tree
from ansible_collections.asgi.fleet.plugins.module_utils.releases.exclusive import building
from ansible_collections.asgi.fleet.plugins.module_utils.releases.retention import removable


def prune(application: Application, keep: int, *, check_mode: bool = False) -> list[str]:
    """Remove old releases, but never the live, the previous or a pinned one.

    Returns:
        The ids that were (or in check mode would be) removed.

    Raises:
        BuildError: A build held the releases for too long.
    """
    if check_mode:
        return removable(application, keep)
    if not os.path.isdir(application.releases):
        return []
    # A running build has no manifest yet, just like a killed one.
    with building(application):
        removed = removable(application, keep)
        for name in removed:
            folder = os.path.join(application.releases, name)
            # Without its manifest the release is incomplete: an interrupted removal does no harm.
            with suppress(FileNotFoundError):
                os.unlink(os.path.join(folder, "manifest.json"))
            remove_tree(folder)
    return removed
