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
    # One that ends again and again also runs at times.
    told = [
        f"{one['unit']} is {_state(one)}"
        if one["state"] != "active"
        else f"{one['unit']} was started anew {one['restarts']} times"
        for one in processes
        if one["state"] != "active" or _is_restless(one, live_seconds)
    ]
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
        if one["state"] != "active":
            yield (
                f"{unit} is not running ({_state(one)})",
                f"{journal}; correct what it says, then systemctl restart {unit}",
            )
        elif _is_restless(one, live_seconds):
            yield f"{unit} was started anew {one['restarts']} times", f"see why it ends: {journal}"


def _is_restless(process: Mapping[str, Any], live_seconds: float) -> bool:
    restarts: int = process["restarts"]
    return restarts >= RESTARTS * max(1.0, live_seconds / SECONDS_PER_HOUR)


def _state(process: Mapping[str, Any]) -> str:
    if process["state"] == "auto-restart":
        return "about to be started anew"
    return str(process["state"])
