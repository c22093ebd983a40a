"""Which numbers of workers are measured, and what a slot that has them may take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.asgi.fleet.plugins.plugin_utils.sizing.workers import (
    MIB,
    default_reserve_mb,
    plan_workers,
    unit_memory_max_mb,
)

#: Up to so many, each number is measured; of more, these steps are enough to see the curve.
EACH = 8
#: One beyond what the cores would get: the best is not at the edge.
BEYOND = 1
#: Tasks for each worker and for the master, as the role gunicorn_service counts them.
TASKS = 128


def series(
    asked: Sequence[int], cores: int, by_memory: int, by_connections: int | None = None
) -> list[int]:
    """Return the numbers of workers to measure.

    Args:
        asked: `tune_workers`; empty for auto.
        cores: Whole cores of the host.
        by_memory: Workers that the memory allows each of two slots.
        by_connections: The same of connections to the database; None for no limit.

    Raises:
        ValueError: Less is allowed than was asked for.
    """
    allowed = {"the memory of this host and app_worker_memory_mb": max(by_memory, 1)}
    if by_connections is not None:
        allowed["app_connections"] = by_connections
    by, most = min(allowed.items(), key=lambda one: one[1])
    if asked:
        if max(asked) > most:
            raise ValueError(
                f"tune_workers has {max(asked)}; expected at most {most}, since {by} allow no more "
                "for two slots, and two run while it is measured; lower it"
            )
        return list(asked)
    last = min(most, 2 * cores + 1 + BEYOND)
    if last <= EACH:
        return list(range(1, last + 1))
    marks = {1, cores // 4, cores // 2, cores, cores + 1, 3 * cores // 2, 2 * cores, last - 1, last}
    return sorted({min(max(mark, 1), last) for mark in marks})


def steps(
    asked: Sequence[int],
    capacity: Mapping[str, Any],
    worker_memory_mb: object,
    memory_max_mb: object = 0,
    connections: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """Return the steps of a measurement, and the plan of the same host.

    Args:
        asked: `tune_workers`; empty for auto.
        capacity: As `asgi.fleet.host_capacity` returns it.
        worker_memory_mb: What a worker may need, by `app_worker_memory_mb`.
        memory_max_mb: `gunicorn_service_memory_max_mb`; 0 for the rule.
        connections: What one worker opens, `per_worker`, and the host's `share`; empty for no
            limit.

    Raises:
        ValueError: Less is allowed than was asked for.
    """
    by_connections = (
        connections["share"] // (2 * connections["per_worker"]) if connections else None
    )
    cores, memory = int(capacity["cores"]), int(capacity["memory_bytes"])
    plan = plan_workers(cores, memory, "auto", worker_memory_mb, prefix="app_")
    memory_mb = memory // MIB
    each_mb = int(str(worker_memory_mb))
    reserve_mb = default_reserve_mb(memory_mb)
    return {
        "steps": [
            {
                "workers": workers,
                "memory_max_mb": int(str(memory_max_mb))
                or unit_memory_max_mb(memory_mb, reserve_mb, workers, each_mb),
                "tasks_max": (workers + 1) * TASKS,
            }
            for workers in series(asked, cores, plan.by_memory, by_connections)
        ],
        "planned": plan.workers,
        "by_memory": max(plan.by_memory, 1),
        "by_connections": by_connections,
        "slot_mb": max(memory_mb - reserve_mb, 0) // 2,
        "worker_memory_mb": each_mb,
        "cores": cores,
    }
