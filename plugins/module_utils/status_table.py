"""The fleet as a table for people: pure text from what `asgi.fleet.app_info` returned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

COLUMNS = (
    *("HOST", "RELEASE", "SLOT", "SINCE (UTC)", "WORKERS", "MEMORY", "HEALTH", "CERTIFICATE"),
    "WORKER PIDS",
)

RELEASE_COLUMNS = ("RELEASE", "STATE", "BUILT (UTC)", "BY", "SOURCE")


def table(states: Mapping[str, Mapping[str, Any] | None]) -> list[str]:
    """Return the lines of the table, headed, one for each host in the order given.

    Args:
        states: host to the `state` of `asgi.fleet.app_info`; None for a host that did not answer.
    """
    return _aligned([COLUMNS, *(_row(host, state) for host, state in states.items())])


def releases_table(releases: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return one headed line for each release of a host.

    Args:
        releases: `state.releases` of `asgi.fleet.app_info`.
    """
    rows: list[Sequence[str]] = [RELEASE_COLUMNS]
    for release in releases:
        source = release["source"]
        origin = source.get("url") or source.get("path") or source.get("name") or "-"
        rows.append(
            (
                release["id"],
                release["state"] + (", pinned" if release["pinned"] else ""),
                _minute(release["built_at"]),
                release["built_by"] or "-",
                f"{origin} {release['commit'][:12]}".strip(),
            )
        )
    return _aligned(rows)


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]


def _minute(when: int) -> str:
    """Return Unix time as UTC to the minute."""
    return datetime.fromtimestamp(when, timezone.utc).strftime("%Y-%m-%d %H:%M")


def _row(host: str, state: Mapping[str, Any] | None) -> tuple[str, ...]:
    if state is None:
        return (host, "unreachable", *["-"] * (len(COLUMNS) - 2))
    live = state["live"]
    if live is None:
        return (host, "none yet", *["-"] * 5, _days(state["certificate_days"]), "-")
    workers = state["workers"]
    healthy = sum(worker["healthy"] for worker in workers)
    return (
        host,
        live["release"],
        live["slot"] + ("" if live["enabled"] else " (not enabled!)"),
        _minute(live["since"]),
        f"{healthy} of {state['workers_planned']}",
        f"{state['memory_mb']} MB",
        _health(state["health"], live["active"]),
        _days(state["certificate_days"]),
        " ".join(str(worker["pid"]) for worker in workers) or "-",
    )


def _health(status: int, active: bool) -> str:
    if not active:
        return "NOT RUNNING"
    if status == 0:
        return "NO ANSWER"
    return f"{status} OK" if status == 200 else str(status)


def _days(days: int | None) -> str:
    if days is None:
        return "none"
    return f"{days} days" if days >= 0 else f"EXPIRED {-days} days ago"
