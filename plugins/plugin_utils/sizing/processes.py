"""How many of each process a host runs, what memory they need, and the limits of their units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.asgi.fleet.plugins.plugin_utils.sizing.workers import (
    MIB,
    default_reserve_mb,
    unit_memory_max_mb,
)

#: One for each core, as the inventory says it.
CORES = "cores"
#: A process may run 40 threads and as many programs; the same as for a web worker.
TASKS = 128


def plan_processes(
    processes: Sequence[Mapping[str, Any]], cores: int, memory_bytes: int
) -> list[dict[str, Any]]:
    """Return the processes with what follows from the host.

    Args:
        processes: As `inputs.processes` returns them.
        cores: Whole cores the host may use.
        memory_bytes: Memory the host may use.

    Returns:
        Each with `count` as a number, `memory_max_mb` and `tasks_max` of its unit, and `exec`, its
        command as systemd reads it.
    """
    memory_mb = memory_bytes // MIB
    reserve_mb = default_reserve_mb(memory_mb)
    return [
        {
            **process,
            "count": count(process, cores),
            # The same fence as a slot's: an estimate as a limit would kill it at night.
            "memory_max_mb": unit_memory_max_mb(memory_mb, reserve_mb, 1, process["memory_mb"]),
            "tasks_max": TASKS,
            "exec": exec_line(process["command"]),
        }
        for process in processes
    ]


def count(process: Mapping[str, Any], cores: int) -> int:
    """Return how many of a process a host with so many cores runs."""
    return max(1, cores) if process["count"] == CORES else int(process["count"])


def memory_mb(processes: Sequence[Mapping[str, Any]], cores: int) -> int:
    """Return the memory that the processes of one slot may need, in MB."""
    return sum(count(process, cores) * int(process["memory_mb"]) for process in processes)


def exec_line(command: Sequence[str]) -> str:
    """Return a command as the value of ExecStart=, by the rules of systemd.service(5).

    env(1) finds the program in the release's PATH, and becomes it: systemd itself would look in a
    PATH of its own.
    """
    return " ".join(["/usr/bin/env", *map(_quoted, command)])


def _quoted(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"'
