"""How many connections a fleet opens to its database, and the share of them that a host may have.

During a rollout each host runs two slots, and keeps the previous one until the rollout has ended.
So the most that a fleet opens is `workers * 2 slots * per_worker`, summed over its hosts.

Hosts with a number of workers open what follows from it. What is left is shared out evenly among
those with `auto`. So the share follows from the inventory alone: it is known before a host is
contacted, and does not change because a host is down or another one has got more memory.

Processes and timers open connections too. A process that may overlap runs in two slots for a
moment, and systemd starts no run of a timer while another one goes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

#: Slots of a host that hold connections during a rollout.
SLOTS = 2


@dataclass(frozen=True)
class Limits:
    """What a database allows, in connections.

    Attributes:
        per_worker: What one worker may open, its pool with all overflow.
        limit: What the database allows for the application.
        other: What is left for others: migrations, consoles, monitoring.
        per_process: What one process of `app_processes` may open.
        per_timer: What a run of a timer of `app_timers` may open.
    """

    per_worker: int
    limit: int
    other: int = 0
    per_process: int = 0
    per_timer: int = 0


@dataclass(frozen=True)
class Beside:
    """What runs beside the web workers, in the whole fleet.

    Attributes:
        processes: How many processes run.
        overlapping: How many of them run in both slots for a moment of a rollout.
        timers: How many runs of timers there may be at once.
    """

    processes: int = 0
    overlapping: int = 0
    timers: int = 0


@dataclass(frozen=True)
class Count:
    """What a fleet would open.

    Attributes:
        during_rollout: The most, with two slots on each host.
        otherwise: With one slot on each host.
        shares: The connections that each host may have, with all its slots.
        automatic: How many hosts count their workers themselves, and so take what is left.
        processes: Of `during_rollout`, what `app_processes` open.
        timers: Of `during_rollout`, what `app_timers` open.
    """

    during_rollout: int
    otherwise: int
    shares: Mapping[str, int]
    automatic: int
    processes: int = 0
    timers: int = 0


def count(limits: Limits, workers: Mapping[str, int | None], beside: Beside | None = None) -> Count:
    """Count the connections of a fleet.

    Args:
        limits: What the database allows.
        workers: Workers of one slot, by host; None for `auto`, which counts as one at least.
        beside: The fleet's processes and timers.
    """
    beside = beside or Beside()
    processes = (beside.processes + beside.overlapping) * limits.per_process
    timers = beside.timers * limits.per_timer
    taken = limits.other + processes + timers
    fixed = {host: number for host, number in workers.items() if number is not None}
    automatic = len(workers) - len(fixed)
    left = limits.limit - taken - SLOTS * limits.per_worker * sum(fixed.values())
    each = max(left // automatic, 0) if automatic else 0
    least = sum(fixed.values()) + automatic
    return Count(
        during_rollout=least * SLOTS * limits.per_worker + taken,
        otherwise=least * limits.per_worker + taken - beside.overlapping * limits.per_process,
        shares={
            host: each if number is None else SLOTS * limits.per_worker * number
            for host, number in workers.items()
        },
        automatic=automatic,
        processes=processes,
        timers=timers,
    )
