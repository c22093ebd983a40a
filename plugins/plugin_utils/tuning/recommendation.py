"""The recommendation: the fewest workers that serve as well as the best, within the noise.

Each worker costs memory and connections to the database, so of two that serve alike the smaller
wins. "Alike" is what the rounds themselves say: how far one and the same number of workers is from
itself between them.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

#: The margin within which throughput counts as alike: at least, whatever the rounds say, and most.
LEAST_MARGIN, MOST_MARGIN = 0.03, 0.15
#: The same for the 99th percentile, which swings more.
LEAST_TAIL, MOST_TAIL = 0.10, 0.50
#: From when on the rounds differ so much from each other that nothing can be read from them.
TOO_MUCH_NOISE = 0.25


@dataclass(frozen=True)
class Result:
    """What was measured of one number of workers, over all rounds.

    Attributes:
        workers: How many.
        rps: Requests a second: the median.
        p50_ms: The median of the medians.
        p99_ms: The median of the 99th percentiles.
        memory_mb: Memory of one worker (PSS): the median.
        largest_mb: The most that one worker had.
        connections: Open TCP connections of all workers: the most.
        spread: Half of the distance between the best and the worst round, relative to the median.
        tail_spread: The same of the 99th percentile.
        problem: Why it does not count; empty if it does.
    """

    workers: int
    rps: float = 0.0
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    memory_mb: float = 0.0
    largest_mb: float = 0.0
    connections: int = 0
    spread: float = 0.0
    tail_spread: float = 0.0
    problem: str = ""


@dataclass(frozen=True)
class Bound:
    """A number of workers that must not be exceeded, and why."""

    workers: int
    reason: str


@dataclass(frozen=True)
class Recommendation:
    """How many workers, and why.

    Attributes:
        workers: How many.
        reason: One sentence; it starts with the number.
        best: The number with the highest throughput of those that are allowed.
        margin: What counts as alike, relative.
    """

    workers: int
    reason: str
    best: int
    margin: float


def results(measured: Iterable[Mapping[str, Any]]) -> list[Result]:
    """Return the measurements by number of workers; one that failed once does not count."""
    of: dict[int, list[Mapping[str, Any]]] = {}
    for one in measured:
        of.setdefault(int(one["workers"]), []).append(one)
    return [_result(workers, rounds) for workers, rounds in sorted(of.items())]


def _result(workers: int, rounds: Sequence[Mapping[str, Any]]) -> Result:
    failed = [f"round {one['round']}: {one['problem']}" for one in rounds if one["problem"]]
    if failed:
        return Result(workers, problem=failed[0])
    rps, tails = [float(one["rps"]) for one in rounds], [float(one["p99_ms"]) for one in rounds]
    return Result(
        workers,
        statistics.median(rps),
        statistics.median(float(one["p50_ms"]) for one in rounds),
        statistics.median(tails),
        round(statistics.median(float(one["memory_mb"]) / workers for one in rounds), 1),
        max(float(one["largest_mb"]) for one in rounds),
        max(sum(one["connections"].values()) for one in rounds),
        _spread(rps),
        _spread(tails),
    )


def _spread(values: Sequence[float]) -> float:
    middle = statistics.median(values)
    return (max(values) - min(values)) / 2 / middle if middle else 0.0


def recommend(found: Sequence[Result], bounds: Sequence[Bound]) -> Recommendation:
    """Return the recommendation.

    Args:
        found: What `results` returned.
        bounds: What must not be exceeded.

    Raises:
        ValueError: Nothing can be recommended; the message says why.
    """
    good = [one for one in found if not one.problem]
    if not good:
        told = "; ".join(f"{_workers(one.workers)}: {one.problem}" for one in found)
        raise ValueError(
            f"no number of workers was measured without errors: {told}; expected every request to "
            "be answered well; see what fails: ansible-playbook playbooks/logs.yml"
        )
    # In whole percent, as the table and a refusal show it.
    noise = round(statistics.median(one.spread for one in good), 2)
    if noise > TOO_MUCH_NOISE:
        raise ValueError(
            f"the rounds of one and the same number differ by ±{100 * noise:.0f} %; expected at "
            f"most ±{100 * TOO_MUCH_NOISE:.0f} %, or the numbers cannot be compared; measure while "
            "the host and the machine below it do nothing else, or longer: -e tune_seconds=60"
        )
    allowed = [one for one in good if all(one.workers <= bound.workers for bound in bounds)]
    if not allowed:
        bound = min(bounds, key=lambda one: one.workers)
        raise ValueError(
            f"the fewest workers that were measured are {good[0].workers}; expected at most "
            f"{bound.workers}: {bound.reason}; measure fewer: -e tune_workers=1,..."
        )
    best = max(allowed, key=lambda one: one.rps)
    margin = _margin([one.spread for one in good], LEAST_MARGIN, MOST_MARGIN)
    tail = _margin([one.tail_spread for one in good], LEAST_TAIL, MOST_TAIL)
    chosen = next(
        one
        for one in allowed
        if one is best
        or (one.rps >= best.rps * (1 - margin) and one.p99_ms <= best.p99_ms * (1 + tail))
    )
    faster = [one for one in good if one.rps > best.rps * (1 + margin)]
    reason = _reason(chosen, best, margin, "is allowed" if faster else "was measured")
    if faster:
        beyond = max(faster, key=lambda one: one.rps)
        bound = min(bounds, key=lambda one: one.workers)
        reason += f"; {beyond.workers} were faster ({beyond.rps:,.0f}), but {bound.reason}"
    elif chosen is good[-1] and len(good) > 1 and chosen is found[-1]:
        reason += "; it is the largest number that was measured"
    return Recommendation(chosen.workers, reason, best.workers, round(margin, 3))


def _margin(spreads: Sequence[float], least: float, most: float) -> float:
    """Return what counts as alike: the distance of two medians, each as far off as is usual."""
    return min(max(2 * statistics.median(spreads), least), most)


def _reason(chosen: Result, best: Result, margin: float, most: str) -> str:
    served = f"{chosen.rps:,.0f} requests a second, 99 % of them within {chosen.p99_ms:,.0f} ms"
    each = f"; a worker takes {chosen.memory_mb:,.0f} MB"
    if chosen is best:
        return f"{_workers(chosen.workers)}: {served}, the most that {most}{each}"
    return (
        f"{_workers(chosen.workers)}: {served}, which is the best within the noise of "
        f"{100 * margin:.0f} % ({best.rps:,.0f} with {best.workers}){each}, and each further one "
        "that again"
    )


def _workers(count: int) -> str:
    return f"{count} {'worker' if count == 1 else 'workers'}"


def bounds(
    by_memory: int, slot_mb: int, largest_mb: float, by_connections: int | None = None
) -> list[Bound]:
    """Return what must not be exceeded.

    Args:
        by_memory: Workers that the plan's estimate allows.
        slot_mb: Memory of one of two slots.
        largest_mb: What the largest worker had, as measured.
        by_connections: Workers that the host's share of connections allows; None for no limit.
    """
    found = [
        Bound(by_memory, f"the memory for two slots allows {by_memory} of app_worker_memory_mb")
    ]
    if by_connections is not None:
        found.append(Bound(by_connections, f"app_connections allows {by_connections}"))
    if largest_mb > 0:
        really = max(int(slot_mb / largest_mb), 1)
        found.append(
            Bound(
                really,
                f"{slot_mb:,} MB for each of two slots hold {really} of {largest_mb:,.0f} MB, "
                "which the largest worker had",
            )
        )
    return found
