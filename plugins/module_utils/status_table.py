"""The fleet as a table for people: pure text from what `asgi.fleet.app_info` returned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

COLUMNS = (
    *("HOST", "RELEASE", "SLOT", "SINCE (UTC)", "WORKERS", "MEMORY", "HEALTH", "CERTIFICATE"),
    "WORKER PIDS",
)


def table(states: Mapping[str, Mapping[str, Any] | None]) -> list[str]:
    """Return the lines of the table, headed, one for each host in the order given.

    Args:
        states: host to the `state` of `asgi.fleet.app_info`; None for a host that did not answer.
    """
    rows = [COLUMNS, *(_row(host, state) for host, state in states.items())]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    return [_line(row, widths) for row in rows]


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


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
        datetime.fromtimestamp(live["since"], timezone.utc).strftime("%Y-%m-%d %H:%M"),
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
