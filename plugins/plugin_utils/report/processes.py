"""What runs besides the web workers: how many of it do, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

#: As often as this, and each hour, a process may be started anew before it is a finding.
RESTARTS = 3
SECONDS_PER_HOUR = 3600


def processes_line(processes: Sequence[Mapping[str, Any]]) -> str:
    """Return how many processes run, and which do not; empty if there is none."""
    if not processes:
        return ""
    down = [one for one in processes if one["state"] != "active"]
    which = ", ".join(f"{one['unit']} is {_state(one)}" for one in down)
    return f"processes {len(processes) - len(down)}/{len(processes)}" + (which and f": {which}")


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
        elif one["restarts"] >= RESTARTS * max(1.0, live_seconds / SECONDS_PER_HOUR):
            yield f"{unit} was started anew {one['restarts']} times", f"see why it ends: {journal}"


def _state(process: Mapping[str, Any]) -> str:
    if process["state"] == "auto-restart":
        return "about to be started anew"
    return str(process["state"])
