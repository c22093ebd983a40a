"""What runs besides the web workers: how many of it do, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

#: As often as this, and each hour, a process may be started anew before it is a finding.
RESTARTS = 3
SECONDS_PER_HOUR = 3600


def processes_line(processes: Sequence[Mapping[str, Any]], live_seconds: float) -> str:
    """Return how many processes run, and which do not, or not for long; empty if there is none.

    Args:
        processes: Of a host.
        live_seconds: Since when its slot is live.
    """
    if not processes:
        return ""
    up = sum(one["state"] == "active" for one in processes)
    told = [f"{one['unit']} {seen}" for one in processes if (seen := _seen(one, live_seconds))]
    return f"processes {up}/{len(processes)}" + (f": {', '.join(told)}" if told else "")


def process_faults(
    processes: Sequence[Mapping[str, Any]], live_seconds: float
) -> Iterator[tuple[str, str]]:
    """Yield what is wrong, and what to do.

    Args:
        processes: Of a host.
        live_seconds: Since when its slot is live.
    """
    for one in processes:
        unit = one["unit"]
        journal = f"journalctl -u {unit} -n 50"
        if _is_restless(one, live_seconds):
            yield f"{unit} {_seen(one, live_seconds)}", f"see why it ends: {journal}"
        elif one["state"] != "active":
            yield (
                f"{unit} is not running ({_state(one)})",
                f"{journal}; correct what it says, then systemctl restart {unit}",
            )


def _seen(process: Mapping[str, Any], live_seconds: float) -> str:
    """Return what is to be said of a process in a table; empty for nothing."""
    if _is_restless(process, live_seconds):
        return f"was started anew {process['restarts']} times"
    return "" if process["state"] == "active" else f"is {_state(process)}"


def _is_restless(process: Mapping[str, Any], live_seconds: float) -> bool:
    """Return whether it ends again and again: at times it runs, and at times it does not."""
    restarts: int = process["restarts"]
    often = restarts >= RESTARTS * max(1.0, live_seconds / SECONDS_PER_HOUR)
    return often and process["state"] in ("active", "activating", "auto-restart")


def _state(process: Mapping[str, Any]) -> str:
    if process["state"] == "auto-restart":
        return "about to be started anew"
    return str(process["state"])
