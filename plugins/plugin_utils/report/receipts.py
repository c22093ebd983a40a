"""The receipt of a rollout: what each host served while it ran, and the sum of all hosts."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

from ansible_collections.asgi.fleet.plugins.module_utils.protocol.receipt import HostReceipt
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.record import Count, Receipt

Gap = tuple[float, float]


def summed(hosts: Mapping[str, HostReceipt]) -> Receipt | None:
    """Return what some hosts served together; None without any.

    The longest gap is the longest time in which none of the hosts answered, between the first and
    the last answer of all of them.

    Args:
        hosts: What each host told. Their clocks are taken to agree.
    """
    if not hosts:
        return None
    found = list(hosts.values())
    by_release: dict[str, Count] = {}
    latency: Counter[int] = Counter()
    width = max(one["bin_seconds"] for one in found)
    requests: Counter[int] = Counter()
    failed: Counter[int] = Counter()
    for one in found:
        for release, served in one["by_release"].items():
            count = by_release.setdefault(release, {"requests": 0, "failed": 0})
            count["requests"] += served["requests"]
            count["failed"] += served["failed"]
        latency.update({int(taken): count for taken, count in one["latency_ms"].items()})
        for start, some, bad in one["bins"]:
            # The widths divide each other, so a bin lies within one of the widest.
            place = int(start) // width * width
            requests[place] += some
            failed[place] += bad
    gap = longest_gap(found)
    return {
        "from": min(one["start"] for one in found),
        "to": max(one["end"] for one in found),
        "requests": sum(one["requests"] for one in found),
        "failed": sum(one["failed"] for one in found),
        "by_release": dict(sorted(by_release.items())),
        "slowest_ms": max(latency, default=None),
        "p99_ms": percentile(latency, Fraction(99, 100)),
        "longest_gap_ms": None if gap is None else round((gap[1] - gap[0]) * 1000),
        "gap_at": None if gap is None else round(gap[0], 3),
        "bin_seconds": width,
        "bins": [[place, requests[place], failed[place]] for place in sorted(requests)],
    }


def percentile(latency: Mapping[int, int], share: Fraction) -> int | None:
    """Return the milliseconds within which a share of the answers began, by nearest rank."""
    rank = math.ceil(share * sum(latency.values()))
    seen = 0
    for taken in sorted(latency):
        seen += latency[taken]
        if seen >= rank:
            return taken
    return None


def longest_gap(hosts: Iterable[HostReceipt]) -> Gap | None:
    """Return the longest time without an answer of any host; None with fewer than two answers."""
    together: list[Gap] = [(-math.inf, math.inf)]
    unsure = 0.0
    for one in hosts:
        unsure = max(unsure, one["shortest_gap"])
        together = _in_both(together, [_open(gap) for gap in one["gaps"]])
    between = [gap for gap in together if not any(map(math.isinf, gap))]
    if between:
        start, end = max(between, key=lambda gap: gap[1] - gap[0])
        # Shorter ones than this may have been left out: no less is certain.
        return (start, max(end, start + unsure))
    # Answers that came closer together than a host tells.
    edges = sorted(edge for gap in together for edge in gap if not math.isinf(edge))
    return (edges[0], edges[0]) if len(edges) > 1 and edges[0] < edges[-1] else None


def _open(gap: Sequence[float | None]) -> Gap:
    before, after = gap
    return (
        -math.inf if before is None else before,
        math.inf if after is None else after,
    )


def _in_both(some: Sequence[Gap], others: Sequence[Gap]) -> list[Gap]:
    """Return the times that are in gaps of both; each list is in order, without overlaps."""
    found: list[Gap] = []
    first = second = 0
    while first < len(some) and second < len(others):
        start = max(some[first][0], others[second][0])
        end = min(some[first][1], others[second][1])
        if start < end:
            found.append((start, end))
        if some[first][1] < others[second][1]:
            first += 1
        else:
            second += 1
    return found
