"""After a rollout has begun on its hosts: who holds the locks, and the target release."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import TypedDict

from ansible_collections.asgi.fleet.plugins.module_utils.protocol.front import Fault
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.state import (
    Front,
    Holder,
    Release,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.served import served


class Begun(TypedDict, total=False):
    """The result of `asgi.fleet.rollout` with `state: begun`; see its documentation."""

    acquired: bool
    holder: Holder
    ended: list[str]
    live: str
    releases: list[Release]
    front: Front | None


class RefusedError(Exception):
    """The rollout cannot continue; the message says why and what to do."""


def stale_locks(app: Mapping[str, str], begun: Mapping[str, Begun]) -> list[str]:
    """Return the hosts that are locked by a rollout which is known to have ended.

    A host that was down when its rollout ended still has that lock. Another host of the
    application has recorded that it ended.

    Args:
        app: Each host's application.
        begun: Each host's result.

    Raises:
        RefusedError: A host is locked by a rollout that may still run.
    """
    ended = {rollout for found in begun.values() for rollout in found.get("ended", [])}
    stale = []
    for host, found in begun.items():
        if found.get("acquired"):
            continue
        holder = found["holder"]
        if holder["rollout"] not in ended:
            raise RefusedError(f"{host}: {locked_text(app[host], holder)}")
        stale.append(host)
    return stale


def locked_text(app: str, holder: Holder) -> str:
    """Return who holds the lock of an application, and what to do about it."""
    since = datetime.fromtimestamp(holder["since"], timezone.utc).strftime("%Y-%m-%d %H:%M:%S")
    return (
        f"{app} is locked by {holder['who']} since {since} UTC (rollout {holder['rollout']}); "
        "wait for that run to end, or, if it is certain that it no longer runs, take the lock "
        "over: -e fleet_take_over_lock=true"
    )


def unserved_lines(
    begun: Mapping[str, Begun], *, goes_on: bool, check_mode: bool = False
) -> list[str]:
    """Return the hosts whose nginx does not answer at all, whatever the application does.

    Args:
        begun: Each host's result.
        goes_on: The rollout goes on all the same.
        check_mode: A step before the rollout, which was not taken, would perhaps start nginx.

    Raises:
        RefusedError: There are such hosts, and the rollout does not go on. A host without a live
            release is none of them: nobody loses anything there.
    """
    hosts: dict[Fault, list[str]] = {}
    refused: dict[Fault, list[str]] = {}
    for host, found in begun.items():
        for fault in served(host, "", found.get("front")).faults:
            if not fault.closed:
                continue
            if found.get("live"):
                refused.setdefault(fault, []).append(host)
            elif check_mode:
                continue
            hosts.setdefault(fault, []).append(host)
    if refused and not goes_on and not check_mode:
        raise RefusedError(
            "; ".join(f"{', '.join(named)}: {fault.seen}" for fault, named in refused.items())
            + "; expected it to answer, since a rollout is judged by what a visitor gets; "
            + f"{next(iter(refused)).todo}; to roll out all the same: -e fleet_allow_unserved=true"
        )
    return [
        f"{', '.join(named)}: visitors are not served: {fault.seen}; to do: {fault.todo}"
        for fault, named in hosts.items()
    ]


def rollback_target(begun: Mapping[str, Begun], wanted: str) -> str:
    """Return the rollback target: the same release on all hosts.

    Args:
        begun: Each host's result.
        wanted: Id of a release; empty for the one that was live before.

    Raises:
        RefusedError: The hosts differ, or a host does not have the release.
    """
    previous = {host: wanted or _previous(found["releases"]) for host, found in begun.items()}
    first_host, target = next(iter(previous.items()))
    for host, release in previous.items():
        if release != target:
            raise RefusedError(
                f"the previous release is {release or 'none'} on {host} and {target or 'none'} on "
                f"{first_host}; expected the same on all hosts; choose one with -e release=<id>, "
                "of those that playbooks/releases.yml lists"
            )
        present = [one["id"] for one in begun[host]["releases"]]
        if target not in present:
            seen = f"release is {wanted}" if wanted else "there is no previous release"
            raise RefusedError(
                f"{seen} on {host}; expected one of {', '.join(present) or 'none'}; "
                "choose one with -e release=<id>"
            )
    return target


class Target(TypedDict):
    """The target release on a host: its id, its folder and its ASGI callable."""

    id: str
    path: str
    module: str


def release_target(begun: Begun, app: str, release: str) -> Target:
    """Return a release that is on the host already as the target of a rollout.

    Args:
        begun: The host's result; it has the release.
        app: The application.
        release: Id of the release.
    """
    found = next(one for one in begun["releases"] if one["id"] == release)
    return {
        "id": release,
        "path": f"/opt/{app}/releases/{release}",
        "module": found["module"],
    }


def _previous(releases: Sequence[Release]) -> str:
    return next((one["id"] for one in releases if one["state"] == "previous"), "")


def require_live(app: Mapping[str, str], begun: Mapping[str, Begun]) -> None:
    """Refuse hosts that have no live release.

    Raises:
        RefusedError: Naming the hosts.
    """
    for host, found in begun.items():
        if not found["live"]:
            raise RefusedError(
                f"{app[host]} has no live release on {host}; expected one; "
                "run ansible-playbook deploy.yml"
            )
