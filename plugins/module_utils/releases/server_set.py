"""Which versions of the server packages go together, and with the draining worker. Pure.

The tables are what was tested: each with the worker under load, at its start and at its end.
docs/operations.md shows them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.asgi.fleet.plugins.module_utils.releases.installed import normal

#: The oldest version of each that works here.
FLOORS = {"gunicorn": "20.1.0", "uvicorn": "0.18.0", "uvicorn-worker": "0.2.0"}


@dataclass(frozen=True)
class Bond:
    """What a package needs of another one from a version on, whatever its metadata says.

    Attributes:
        package: The package.
        since: From this version on.
        other: The other package, if it is installed.
        needs: The oldest version of it.
    """

    package: str
    since: str
    other: str
    needs: str


BONDS = (
    Bond("uvicorn", "0.36.0", "uvicorn-worker", "0.4.0"),
    Bond("uvicorn", "0.50.0", "websockets", "13.0"),
)
#: The first version of uvicorn that uvicorn-worker 0.4 serves; for older ones there is 0.3.
FOR_NEW_WORKER = "0.36.0"
OLDER_WORKER = "uvicorn-worker==0.3.0"
#: Gunicorn imports pkg_resources before this version, and setuptools has it before that one.
WITHOUT_PKG_RESOURCES = {"gunicorn": "21.0.0", "setuptools": "82.0.0"}
OLDER_SETUPTOOLS = "setuptools==81.0.0"
#: A lock with hashes of what the shipped lock has in newer versions.
OLDER = """\
setuptools==81.0.0 \\
    --hash=sha256:487b53915f52501f0a79ccfd0c02c165ffe06631443a886740b91af4b7a5845a \\
    --hash=sha256:fdd925d5c5d9f62e4b74b30d6dd7828ce236fd6ed998a08d81de62ce5a6310d6
uvicorn-worker==0.3.0 \\
    --hash=sha256:6baeab7b2162ea6b9612cbe149aa670a76090ad65a267ce8e27316ed13c7de7b \\
    --hash=sha256:ef0fe8aad27b0290a9e602a256b03f5a5da3a9e5f942414ca587b645ec77dd52
"""
#: What uvicorn[standard] means to a service, in the order in which uvicorn looks for it.
WEBSOCKETS = ("websockets", "wsproto")
FASTER = ("httptools", "uvloop")
WORKER = "uvicorn-worker"


def is_older(version: str, than: str) -> bool:
    """Return whether a version comes before another one, by its numbers alone."""
    return _numbers(version) < _numbers(than)


def _numbers(version: str) -> tuple[int, ...]:
    found = re.match(r"\d+(?:\.\d+)*", version)
    parts = tuple(int(part) for part in found[0].split(".")) if found else ()
    return (*parts, 0, 0, 0)[: max(3, len(parts))]


def name_of(requirement: str) -> str:
    """Return the normalised name in a requirement (PEP 508)."""
    return normal(re.split(r"[\[=<>!~@; ]", requirement)[0])


def problems(versions: Mapping[str, str]) -> list[str]:
    """Return what is too old to serve here, a clause each: the package, what is seen and needed."""
    found = [
        f"{name} is {versions[name]}, and {needed} or later is needed"
        for name, needed in FLOORS.items()
        if name in versions and is_older(versions[name], needed)
    ]
    for bond in BONDS:
        present = bond.package in versions and bond.other in versions
        if (
            present
            and not is_older(versions[bond.package], bond.since)
            and is_older(versions[bond.other], bond.needs)
        ):
            found.append(
                f"{bond.other} is {versions[bond.other]}, and {bond.package} "
                f"{versions[bond.package]} needs {bond.needs} or later"
            )
    return found


def missing(packages: Iterable[str], own: Mapping[str, str]) -> list[str]:
    """Return the server packages that the application does not bring, but for the worker."""
    return [one for one in packages if name_of(one) not in own and name_of(one) != WORKER]


def libraries(packages: Iterable[str], own: Mapping[str, str]) -> list[str]:
    """Return the libraries that uvicorn lacks if the application asked for it without [standard].

    None if the server packages do not ask for them either.
    """
    ours = next((one for one in packages if name_of(one) == "uvicorn"), "")
    if "uvicorn" not in own or "[" not in ours:
        return []
    websockets = [] if any(name in own for name in WEBSOCKETS) else [WEBSOCKETS[0]]
    return [*websockets, *(name for name in FASTER if name not in own)]


def relaxed(requirements: Sequence[str]) -> list[str]:
    """Return the requirements with any version from its floor to the given one."""
    return [
        re.sub("==", f">={FLOORS[name_of(one)]},<=", one) if name_of(one) in FLOORS else one
        for one in requirements
    ]


def worker(packages: Iterable[str], own: Mapping[str, str]) -> str:
    """Return the worker to add to what is installed, as a requirement; empty for none."""
    ours = next((one for one in packages if name_of(one) == WORKER), "")
    if not ours or WORKER in own or "uvicorn" not in own:
        return ""
    return OLDER_WORKER if is_older(own["uvicorn"], FOR_NEW_WORKER) else ours


def needs_older_setuptools(own: Mapping[str, str]) -> bool:
    """Return whether Gunicorn would not start with the setuptools that is installed, or without."""
    limit = WITHOUT_PKG_RESOURCES
    if "gunicorn" not in own or not is_older(own["gunicorn"], limit["gunicorn"]):
        return False
    return "setuptools" not in own or not is_older(own["setuptools"], limit["setuptools"])
