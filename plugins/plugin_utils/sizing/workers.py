"""How many workers a host gets, and which memory limits suit its units.

The rule is `min(2 * cores + 1, (memory - reserve) / slots / worker_memory)`, at least 1, and no
more than the host's share of its database's connections allows (`connections.py`).

- `2 * cores + 1` is Gunicorn's own (its design document): one worker computes on each core while
  another waits. It suits applications that mix `async` and plain `def`.
- The memory is halved because both slots run at a cut-over, each with all of its workers.
- What the processes of a slot may need (`app_processes`) is taken from its half before.
- The reserve is for everything that is not the application: 10 % of the memory, at least 256 MB.
  A bare Debian 13 with systemd, journald and sshd held 17 MB of its own (PSS, without the kernel);
  `apt-get update` peaked at 65 MB, apt's resolver at 99 MB and python-apt, which Ansible loads, at
  83 MB, and a package run overlaps with nginx at work. 256 MB holds these and the kernel's tables.
  The 10 % is for what grows with the host: the page cache, socket buffers, slab.

MB means 2^20 bytes throughout, as systemd's suffix `M` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ansible_collections.asgi.fleet.plugins.plugin_utils.text.numbers import integer

#: The limits for the number of workers, whether configured or computed.
MOST_WORKERS = 512
MIB = 1024 * 1024
SMALLEST_RESERVE_MB = 256
RESERVE_PERCENT = 10
#: What a unit may take beyond its workers' estimate; see `unit_memory_max_mb`.
HEADROOM_FACTOR = 2
HEADROOM_MB = 512
SLOTS = {1: "one slot", 2: "two slots", 3: "three slots"}


@dataclass(frozen=True)
class WorkerPlan:
    """The plan, and the reasons for it.

    Attributes:
        workers: Workers of one slot.
        reason: One sentence for the operator; it starts with the number.
        decided_by: `cores`, `memory`, `connections`, `minimum` (memory allows none), `maximum`, or
            `configured`.
        cores: Whole cores of the host.
        by_cores: Workers that the cores would allow.
        by_memory: Workers that the memory would allow; may be 0.
        memory_mb: Memory of the host.
        reserve_mb: Memory left for everything else on it.
        memory_max_mb: Suggested `MemoryMax=` of each slot's unit; see `unit_memory_max_mb`.
        connections: What the workers may open, for the operator; empty without a limit. Not in
            `reason`, which stands in a slot's settings: a host more would change those of all.
    """

    workers: int
    reason: str
    decided_by: str
    cores: int
    by_cores: int
    by_memory: int
    memory_mb: int
    reserve_mb: int
    memory_max_mb: int
    connections: str = ""


def plan_workers(
    cores: int,
    memory_bytes: int,
    workers: object = "auto",
    worker_memory_mb: object = 128,
    reserve_mb: object = None,
    slots: object = 2,
    prefix: str = "gunicorn_service_",
    processes_mb: int = 0,
    connections: Mapping[str, int] | None = None,
) -> WorkerPlan:
    """Plan the workers of one slot.

    Args:
        cores: Whole cores the host may use.
        memory_bytes: Memory the host may use, in bytes.
        workers: `auto`, or a number, which is used unchanged. Text is accepted for each number,
            because `-e app_workers=4` arrives as text.
        worker_memory_mb: Memory that one worker may need, in MB.
        reserve_mb: Memory to leave for everything else, in MB; None for the rule above.
        slots: Slots that run at the same time during a cut-over.
        prefix: Prefix of the variables that messages name.
        processes_mb: Memory that the other processes of a slot may need, in MB.
        connections: What one worker opens, `per_worker`, and the host's `share` for all its slots;
            empty for no limit.

    Raises:
        ValueError: A value is not allowed; the message says which, and what to do.
    """
    memory_mb = memory_bytes // MIB
    each_mb = _number(f"{prefix}worker_memory_mb", worker_memory_mb, 1, 1024 * 1024)
    slot_count = _number("slots", slots, min(SLOTS), max(SLOTS))
    if reserve_mb is None:
        reserved_mb = default_reserve_mb(memory_mb)
    else:
        reserved_mb = _number("reserve_mb", reserve_mb, 0, 1024 * 1024)
    budget_mb = max(memory_mb - reserved_mb, 0)
    by_cores = 2 * cores + 1
    by_memory = max(budget_mb // slot_count - processes_mb, 0) // each_mb

    if isinstance(workers, str) and workers.strip() == "auto":
        count, decided_by = _decide(by_cores, by_memory)
        most = _most(connections, slot_count, prefix)
        if most is not None and most < count:
            count, decided_by = most, "connections"
    else:
        count = _number(f"{prefix}workers", workers, 1, MOST_WORKERS, also="auto")
        decided_by = "configured"

    memory = f"{budget_mb} MB for {SLOTS[slot_count]}"
    if processes_mb:
        memory += f", less {processes_mb} MB for the processes of each,"
    share = f"{by_memory or 'none'} of {each_mb} MB each"
    if decided_by == "connections":
        fewest = min(by_cores, max(by_memory, 1))
        why = f"its cores and memory would allow {fewest}, but {prefix}connections allows {count}"
    else:
        why = _because(
            decided_by, cores, f"{memory} would allow {share}", f"{memory} allow {share}"
        )
    if decided_by == "configured" and count > by_memory:
        why = (
            f"as configured, but {memory} allow {share}: the kernel may kill workers at a "
            f"cut-over; lower {prefix}workers or {prefix}worker_memory_mb"
        )
    memory_max_mb = unit_memory_max_mb(memory_mb, reserved_mb, count, each_mb)
    return WorkerPlan(
        workers=count,
        reason=f"{count} {'worker' if count == 1 else 'workers'}: {why}",
        decided_by=decided_by,
        cores=cores,
        by_cores=by_cores,
        by_memory=by_memory,
        memory_mb=memory_mb,
        reserve_mb=reserved_mb,
        memory_max_mb=memory_max_mb,
        connections=_opened(connections, count, slot_count),
    )


def _most(connections: Mapping[str, int] | None, slots: int, prefix: str) -> int | None:
    """Return how many workers the host's share of connections allows; None for no limit.

    Raises:
        ValueError: It allows not one.
    """
    if not connections:
        return None
    most = connections["share"] // (slots * connections["per_worker"])
    if most < 1:
        raise ValueError(
            f"{prefix}connections leaves {connections['share']} connections for this host; "
            f"expected at least {slots * connections['per_worker']}, for one worker of each slot; "
            "raise its limit, or lower per_worker"
        )
    return most


def _opened(connections: Mapping[str, int] | None, count: int, slots: int) -> str:
    if not connections:
        return ""
    each = connections["per_worker"]
    return (
        f"up to {count * slots * each} connections during a rollout ({count} x {slots} slots x "
        f"{each}), of {connections['share']} for this host"
    )


def default_reserve_mb(memory_mb: int) -> int:
    """Return the memory to leave for everything except the application: this module's rule."""
    return max(SMALLEST_RESERVE_MB, memory_mb * RESERVE_PERCENT // 100)


def unit_memory_max_mb(memory_mb: int, reserve_mb: int, workers: int, worker_memory_mb: int) -> int:
    """Return the memory at which the kernel may kill in a slot's unit.

    It is `2 * workers * worker_memory_mb + 512`: a fence between the applications of a host, which
    a leak in one of them must not cross. The head room keeps it away from what a sound application
    does:

    - `worker_memory_mb` is an estimate, and as a limit it would kill a worker at night. A worker
      may take twice that, and more while the others do not.
    - The 512 MB are for what is not a worker: Gunicorn's master (25 MB), programs that a worker
      starts, a request that is far larger than usual, and the page cache of the application's
      files, which counts as the unit's.

    It is never more than the host's memory less the reserve, so that one application alone does not
    take down sshd, nginx and the journal. It does not guarantee more: the limits of several
    applications, or of both slots at a cut-over, may together exceed the host's memory.

    It is never less than one worker needs, and never more than the host has.
    """
    wanted = HEADROOM_FACTOR * workers * worker_memory_mb + HEADROOM_MB
    return min(max(min(wanted, memory_mb - reserve_mb), worker_memory_mb), memory_mb)


def _decide(by_cores: int, by_memory: int) -> tuple[int, str]:
    if by_memory < 1:
        return 1, "minimum"
    fewest = min(by_cores, by_memory)
    if fewest > MOST_WORKERS:
        return MOST_WORKERS, "maximum"
    return fewest, "cores" if by_cores <= by_memory else "memory"


def _because(decided_by: str, cores: int, would: str, does: str) -> str:
    have_cores = "1 core" if cores == 1 else f"{cores} cores"
    by_cores = 2 * cores + 1
    return {
        "cores": f"{have_cores} {'allows' if cores == 1 else 'allow'} {by_cores}, and {would}",
        "memory": f"{have_cores} would allow {by_cores}, but {does}",
        "minimum": f"{have_cores} would allow {by_cores}, but {does}; 1 is the least",
        "maximum": f"{have_cores} would allow {by_cores}, but {MOST_WORKERS} are the most",
        "configured": f"as configured; {would}",
    }[decided_by]


def _number(name: str, value: object, least: int, most: int, also: str = "") -> int:
    """Return a whole number, also given as text; refuse everything else, including `true`."""
    number = integer(value)
    if number is None or not least <= number <= most:
        allowed = f"{also} or a number" if also else "a number"
        raise ValueError(
            f"{name} is {value!r}; expected {allowed} from {least} to {most}; correct it"
        )
    return number
