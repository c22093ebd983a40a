"""How long a recycle may take: the host says so of itself, the controller of all hosts. Pure."""

from __future__ import annotations

from collections.abc import Iterable


def start_seconds(health_timeout: float, processes: Iterable[tuple[bool, float]]) -> float:
    """Return how many seconds a recycle may take until its slot is live.

    Its web workers, then its processes that may overlap, and then those that may not, whose
    predecessors end before: each of these steps has the health time-out.

    Args:
        health_timeout: Seconds that each step may take.
        processes: Of each, whether it may overlap, and the seconds that it may take to end.
    """
    known = list(processes)
    steps = 1 + len({overlap for overlap, _stop in known})
    return steps * health_timeout + max((stop for overlap, stop in known if not overlap), default=0)
