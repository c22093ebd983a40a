"""The world of whatever runs of an application: its environment, its folders, where it starts.

One table for the service, the import check, hooks and commands, so that they cannot differ: the
slots' unit template and the transient units of `application/confinement.py` are made of it.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping

#: The programs of the host that everything finds, after those of the release.
PATH = "/usr/local/bin:/usr/bin:/bin"
#: Where the processes of prometheus_client share their metrics, also by its old name. The value is
#: a base: what runs at the same time must not share a folder.
METRICS = ("PROMETHEUS_MULTIPROC_DIR", "prometheus_multiproc_dir")

#: The folder below /run/<application> with a folder for each process.
PROCESSES = "processes"


def state_folder(application: str) -> str:
    """Return where an application keeps its data: its HOME, and STATE_DIRECTORY."""
    return f"/var/lib/{application}/state"


def source_folder(release: str) -> str:
    """Return the folder of a release in which everything starts."""
    return posixpath.join(release, "src")


def variables(application: str, release: str, slot: str) -> dict[str, str]:
    """Return the environment of whatever runs of a release; the application's own comes on top.

    systemd adds STATE_DIRECTORY, CACHE_DIRECTORY and RUNTIME_DIRECTORY (see `folders`), and USER.

    Args:
        application: Its name.
        release: Folder of the release.
        slot: The slot that the release runs in, or is going to.
    """
    venv = posixpath.join(release, ".venv")
    return {
        "FLEET_APP": application,
        "FLEET_RELEASE": posixpath.basename(release),
        "FLEET_SLOT": slot,
        # Also for programs that the application starts by name.
        "PATH": f"{venv}/bin:{PATH}",
        "VIRTUAL_ENV": venv,
        "HOME": state_folder(application),
        "XDG_CACHE_HOME": f"/var/cache/{application}",
        "TMPDIR": "/tmp",  # noqa: S108 (PrivateTmp=)
        "LANG": "C.UTF-8",
        # Releases are compiled when they are built, and nothing of the application may write them.
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
    }


def folders(application: str, runtime: str) -> list[tuple[str, str]]:
    """Return the directives of systemd.exec(5) for the folders that an application may write.

    Args:
        application: Its name.
        runtime: The folder below /run/<application>: a slot, or what runs beside the slots.
    """
    return [
        ("StateDirectory", f"{application}/state"),
        ("StateDirectoryMode", "0750"),
        ("CacheDirectory", application),
        ("CacheDirectoryMode", "0750"),
        ("RuntimeDirectory", f"{application}/{runtime}"),
        ("RuntimeDirectoryMode", "0750"),
    ]


def unit_directives(
    application: str, release: str, slot: str, *, is_process: bool = False, runtime: str = ""
) -> list[tuple[str, str]]:
    """Return the directives of a unit that are its world, in order.

    Args:
        application: Its name.
        release: Folder of the release.
        slot: The slot that the release runs in.
        is_process: Whether it is the unit of a process: `%i` is its slot, name and number.
        runtime: The folder below /run/<application> of what runs beside the slots; empty for the
            slot's.
    """
    own = {"FLEET_PROCESS": "%i"} if is_process else {}
    return [
        ("WorkingDirectory", source_folder(release)),
        *(
            ("Environment", f"{name}={value}")
            for name, value in {**variables(application, release, slot), **own}.items()
        ),
        *folders(application, f"{PROCESSES}/%i" if is_process else runtime or slot),
    ]


def of_slot(environment: Mapping[str, str], slot: str) -> dict[str, str]:
    """Return an application's environment as one slot has it: two slots run at the same time."""
    return {
        name: f"{value.rstrip('/')}/{slot}" if name in METRICS and value else value
        for name, value in environment.items()
    }


def beside_slots(environment: Mapping[str, str], application: str, runtime: str) -> dict[str, str]:
    """Return an application's environment as what runs beside the slots has it.

    Metrics go to a folder that ends with it: they are no slot's.
    """
    return {
        name: f"/run/{application}/{runtime}" if name in METRICS and value else value
        for name, value in environment.items()
    }
