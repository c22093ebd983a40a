"""How whatever runs of an application beside its service is confined: as the service itself."""

from __future__ import annotations

import os
from collections.abc import Mapping

from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import (
    Application,
    other,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host.confined import Confinement
from ansible_collections.asgi.fleet.plugins.module_utils.protocol import world
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.sandbox import Sandbox


def unit_name(application: str, purpose: str) -> str:
    """Return the name of the unit in which an application's build, import or hook runs."""
    return f"asgi-fleet-{application}-{purpose}"


def application_of(release_path: str) -> Application:
    """Return the application of a release, by the place of its folder."""
    # <root>/opt/<application>/releases/<id>
    folder = os.path.dirname(os.path.dirname(os.path.abspath(release_path)))
    return Application(os.path.basename(folder), os.path.dirname(os.path.dirname(folder)))


def as_service(
    release_path: str,
    purpose: str,
    user: str,
    environment: Mapping[str, str],
    timeout: float,
    sandbox: Sandbox,
    memory_max: str = "",
    slot: str = "",
) -> Confinement:
    """Return the confinement of a program of a release: the world of its service.

    Args:
        release_path: Folder of the release.
        purpose: What runs: part of the unit's name, and its own folder below /run/<application>.
        user: The account of the service.
        environment: The application's environment, which overrides what is set here.
        timeout: Seconds that it may take.
        sandbox: What the service may do.
        memory_max: MemoryMax= of systemd.resource-control(5); empty for no limit.
        slot: The slot that the release runs in; empty for the one that it is going to.
    """
    application = application_of(release_path)
    slot = slot or other(application.live_slot())
    properties = [
        *world.folders(application.name, purpose),
        ("LimitNOFILE", "65536"),
    ]
    if memory_max:
        properties.append(("MemoryMax", memory_max))
    return Confinement(
        unit=unit_name(application.name, purpose),
        user=user,
        folder=world.source_folder(release_path),
        timeout=timeout,
        sandbox=sandbox.of_release(release_path),
        environment={
            **world.variables(application.name, release_path, slot),
            **world.beside_slots(environment, application.name, purpose),
        },
        properties=properties,
    )
