"""Who may build or remove the releases of an application: one at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.host.locking import locked
from ansible_collections.asgi.fleet.plugins.module_utils.releases.recipe import BuildError

#: Seconds to wait for another build, such as one whose controller was killed.
BUILD_PATIENCE = 900


@contextlib.contextmanager
def building(application: Application) -> Iterator[None]:
    """Hold the host's build lock.

    Raises:
        BuildError: Another build held it for too long.
    """
    busy = BuildError(
        f"another build of {application.name} has been running on this host for more than "
        f"{BUILD_PATIENCE} s; wait for it to end and run again"
    )
    with locked(f"{application.name}.build", BUILD_PATIENCE, busy, application.root):
        yield
