"""How whatever runs of an application beside its service is confined: as the service itself."""

from __future__ import annotations

import os
from collections.abc import Mapping

from ansible_collections.asgi.fleet.plugins.module_utils.host.confined import PATH, Confinement
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.sandbox import Sandbox

#: HOME of what runs beside the service: cannot be made, so that writing to it fails.
NOWHERE = "/nonexistent"


def unit_name(application: str, purpose: str) -> str:
    """Return the name of the unit in which an application's build, import or hook runs."""
    return f"asgi-fleet-{application}-{purpose}"


def as_service(
    release_path: str,
    purpose: str,
    user: str,
    environment: Mapping[str, str],
    timeout: float,
    sandbox: Sandbox,
    memory_max: str = "",
) -> Confinement:
    """Return the confinement of a program of a release.

    It runs where the service runs, with its account, environment, state and cache. HOME alone is
    nowhere: what the application has written into its own could steer the program, and what the
    program would write into a folder that ends with it would be lost in silence.

    Args:
        release_path: Folder of the release.
        purpose: What runs: part of the unit's name.
        user: The account of the service.
        environment: The application's environment, which overrides what is set here.
        timeout: Seconds that it may take.
        sandbox: What the service may do.
        memory_max: MemoryMax= of systemd.resource-control(5); empty for no limit.
    """
    application = os.path.basename(os.path.dirname(os.path.dirname(release_path)))
    venv = os.path.join(release_path, ".venv")
    properties = [
        # As in the unit of the service.
        ("StateDirectory", f"{application}/state"),
        ("StateDirectoryMode", "0750"),
        ("CacheDirectory", application),
        ("CacheDirectoryMode", "0750"),
        ("LimitNOFILE", "65536"),
    ]
    if memory_max:
        properties.append(("MemoryMax", memory_max))
    return Confinement(
        unit=unit_name(application, purpose),
        user=user,
        folder=os.path.join(release_path, "src"),
        timeout=timeout,
        sandbox=sandbox,
        environment={
            "PATH": f"{venv}/bin:{PATH}",
            "HOME": NOWHERE,
            "VIRTUAL_ENV": venv,
            "FLEET_APP": application,
            "FLEET_RELEASE": os.path.basename(release_path),
            "XDG_CACHE_HOME": f"/var/cache/{application}",
            # The service may not write to the release either.
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONUNBUFFERED": "1",
            **environment,
        },
        properties=properties,
    )
