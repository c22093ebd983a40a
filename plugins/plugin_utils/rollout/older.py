"""Whether a release would take a host back to an older one than it runs. Pure."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ansible_collections.asgi.fleet.plugins.module_utils.protocol.state import Release
from ansible_collections.asgi.fleet.plugins.plugin_utils.rollout.begin import Begun, RefusedError

with contextlib.suppress(ImportError):  # ansible-core brings it; its sanity tests have none
    from packaging.version import InvalidVersion, Version

#: How two commits of a repository stand to each other, as the first sees the second.
Relation = Literal["same", "before", "after", "unknown"]
#: Asks a repository: its URL, the commit to be released, the one that is live.
Ask = Callable[[str, str, str], Relation]

#: What may lead a version in a tag: v, shop-, shop@, release/.
_LEAD = re.compile(r"^(?:.*[@/]|[A-Za-z][A-Za-z_-]*-)?v?(?=\d)", re.I)


@dataclass(frozen=True)
class Wanted:
    """What is about to be released.

    Attributes:
        release: Its id.
        commit: Its commit; empty for none.
        source: Its source, as its manifest will have it.
    """

    release: str
    commit: str
    source: Mapping[str, Any]


@dataclass(frozen=True)
class Older:
    """Hosts that would go back: what they run, how that is known, whether they have the other."""

    live: str
    why: str
    hosts: tuple[str, ...]
    kept: bool = False


def going_back(begun: Mapping[str, Begun], wanted: Mapping[str, Wanted], ask: Ask) -> list[Older]:
    """Return the hosts that run a newer release than the one that they are to get.

    Args:
        begun: Each host's result.
        wanted: For each host, what it is to run; hosts that are not in it are not judged.
        ask: How commits stand to each other.
    """
    hosts: dict[tuple[str, str, bool], list[str]] = {}
    for host, found in begun.items():
        live = found.get("live")
        if host not in wanted or not live:
            continue
        releases = found.get("releases") or []
        why = _why_older(live, releases, wanted[host], ask)
        if why:
            kept = any(one["id"] == wanted[host].release for one in releases)
            hosts.setdefault((live, why, kept), []).append(host)
    return [Older(live, why, tuple(named), kept) for (live, why, kept), named in hosts.items()]


def _why_older(live_id: str, releases: Sequence[Release], wanted: Wanted, ask: Ask) -> str:
    """Return how it is known that a release is older than the live one; empty if it is not.

    Who knows best is asked first: the history of the repository, then the versions, then what the
    host has built before.
    """
    live = next((one for one in releases if one["id"] == live_id), None)
    if live is None or wanted.release == live_id:
        return ""
    if wanted.commit and live["commit"] and wanted.source.get("url") == live["source"].get("url"):
        relation = ask(str(wanted.source["url"]), wanted.commit, live["commit"])
        if relation == "before":
            return f"commit {wanted.commit[:12]} is part of {live['commit'][:12]}"
        if relation != "unknown":
            return ""
    ordered = compare(_version(wanted.source), _version(live["source"]))
    if ordered is not None:
        return "" if ordered >= 0 else f"{_version(wanted.source)} < {_version(live['source'])}"
    before = next((one for one in releases if one["id"] == wanted.release), None)
    if before is not None and before["built_at"] < live["built_at"]:
        return "it was built before"
    return ""


def _version(source: Mapping[str, Any]) -> str:
    return str(source.get("version") or "")


def compare(one: str, other: str) -> int | None:
    """Return how two versions stand to each other as -1, 0 or 1; None if they cannot be compared.

    Args:
        one: A version, or a tag with one.
        other: Another.
    """
    try:
        first, second = (Version(_LEAD.sub("", text)) for text in (one, other))
    except InvalidVersion:
        return None
    return (first > second) - (first < second)


def older_lines(
    older: Sequence[Older], wanted: Mapping[str, Wanted], *, allowed: bool
) -> list[str]:
    """Return what is to be said of hosts that go back.

    A folder has no version: whoever has put its former contents back means it, so that is said
    and not asked.

    Args:
        older: From `going_back`.
        wanted: As for it.
        allowed: The operator has said that it is meant.

    Raises:
        RefusedError: It has to be asked for.
    """
    lines = []
    for one in older:
        target = wanted[one.hosts[0]]
        told = f"{', '.join(one.hosts)}: back to {target.release} from {one.live} ({one.why})"
        if allowed or target.source.get("type") == "path":
            lines.append(told)
            continue
        version = _version(target.source)
        asked = f" (version {version})" if version else ""
        back = f"playbooks/rollback.yml -e release={target.release}"
        raise RefusedError(
            f"{', '.join(one.hosts)} {'runs' if len(one.hosts) == 1 else 'run'} {one.live}, and "
            f"this release{asked} would go back to {target.release}: {one.why}; expected a newer "
            "one. To keep what is live, with other settings or secrets: ansible-playbook "
            "playbooks/restart.yml, and set its version in app_source of the inventory; "
            + (f"to roll back: ansible-playbook {back}; " if one.kept else "")
            + "to release it all the same: -e fleet_allow_older=true"
        )
    return lines
