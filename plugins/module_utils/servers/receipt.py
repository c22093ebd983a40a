"""The receipt of a rollout on one host: what was served while it ran, read from nginx's own log."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Collection, Sequence
from itertools import pairwise
from pathlib import Path

from ansible_collections.asgi.fleet.plugins.module_utils.protocol.receipt import (
    BIN_SECONDS,
    MOST_BINS,
    MOST_GAPS,
    HostReceipt,
    Served,
)
from ansible_collections.asgi.fleet.plugins.module_utils.servers.traffic import (
    coarse,
    ended_at,
    lines_since,
    parse,
)

#: Seconds below which a gap is not told.
SHORTEST_GAP = 0.01

_TOOK = re.compile(rb'"request_time":"(\d+\.\d+)"')

Cut = tuple[float, str]
"""When a release went live (Unix time), and its id; an empty one for none."""


def read_receipt(
    log: Path, start: float, end: float, cuts: Sequence[Cut], ignore_paths: Collection[str] = ()
) -> HostReceipt:
    """Return what the application served from one moment to another.

    A request belongs to the release that was live when nginx got it. A connection that nginx had
    kept to the slot before may carry one more request there, within two seconds of the cut-over.

    Args:
        log: nginx's log, see `traffic.read_traffic`.
        start: Unix time; requests that ended at this time or later count.
        end: Unix time; requests that ended later do not count.
        cuts: The releases, in order of time; the first was live at `start`.
        ignore_paths: Paths that do not count.

    Raises:
        OSError: A log cannot be read. A log that does not exist counts as empty.
    """
    ignored = frozenset(ignore_paths)
    moments = [moment for moment, _release in cuts]
    by_release: dict[str, Served] = {}
    latency: Counter[int] = Counter()
    answers = array("d")
    width = bin_width(end - start)
    requests: Counter[int] = Counter()
    failed: Counter[int] = Counter()
    for line in lines_since(log, start):
        ended = ended_at(line)
        request = parse(line)
        if ended is None or ended > end or request is None or request.path in ignored:
            continue
        has_failed = 500 <= request.status <= 599
        release = _release(cuts, moments, ended - _took(line))
        served = by_release.setdefault(release, {"requests": 0, "failed": 0})
        served["requests"] += 1
        served["failed"] += has_failed
        if request.latency is not None:
            latency[coarse(request.latency)] += 1
        answers.append(ended)
        place = int(ended // width) * width
        requests[place] += 1
        failed[place] += has_failed
    gaps, shortest = _gaps(sorted(answers))
    return {
        "start": start,
        "end": end,
        "requests": requests.total(),
        "failed": failed.total(),
        "by_release": by_release,
        "latency_ms": {str(taken): latency[taken] for taken in sorted(latency)},
        "gaps": gaps,
        "shortest_gap": shortest,
        "bin_seconds": width,
        "bins": [(place, requests[place], failed[place]) for place in sorted(requests)],
    }


def bin_width(seconds: float) -> int:
    """Return the width of a chart's bins for some seconds."""
    return next((one for one in BIN_SECONDS if seconds / one <= MOST_BINS), BIN_SECONDS[-1])


def _took(line: bytes) -> float:
    """Return how long nginx had a request, in seconds."""
    found = _TOOK.search(line)
    return float(found[1]) if found else 0.0


def _release(cuts: Sequence[Cut], moments: Sequence[float], began: float) -> str:
    """Return the release that was live at a moment."""
    if not cuts:
        return ""
    return cuts[max(0, bisect_right(moments, began) - 1)][1]


def _gaps(
    answers: Sequence[float],
) -> tuple[list[tuple[float | None, float | None]], float]:
    """Return the longest gaps in order of time, and the length of the longest one left out."""
    if not answers:
        return [(None, None)], 0.0
    longest = sorted(
        ((before, after) for before, after in pairwise(answers) if after - before >= SHORTEST_GAP),
        key=lambda gap: gap[0] - gap[1],
    )
    kept = sorted(longest[:MOST_GAPS])
    rest = longest[MOST_GAPS:]
    shortest = rest[0][1] - rest[0][0] if rest else 0.0
    return [(None, answers[0]), *kept, (answers[-1], None)], shortest
