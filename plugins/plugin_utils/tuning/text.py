"""A measurement as the operator reads it: the table, what disturbed it, and the same as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ansible_collections.asgi.fleet.plugins.plugin_utils.report.status import aligned
from ansible_collections.asgi.fleet.plugins.plugin_utils.tuning.recommendation import (
    Recommendation,
    Result,
)

COLUMNS = ("WORKERS", "REQUESTS/S", "P50", "P99", "MB EACH", "CONNECTIONS", "")
#: From when on what else the host does is worth a word, in percent.
BUSY, STOLEN = 10.0, 2.0


def table(found: Sequence[Result], advice: Recommendation | None) -> list[str]:
    """Return a line for each number of workers, with aligned columns."""
    rows: list[tuple[str, ...]] = [COLUMNS]
    for one in found:
        if one.problem:
            rows.append((str(one.workers), *["-"] * 5, f"does not count: {one.problem}"))
            continue
        rows.append(
            (
                str(one.workers),
                f"{one.rps:,.0f} ±{100 * one.spread:.0f} %",
                f"{one.p50_ms:,.0f} ms",
                f"{one.p99_ms:,.0f} ms",
                f"{one.memory_mb:,.0f}",
                str(one.connections),
                "<- recommended" if advice and one.workers == advice.workers else "",
            )
        )
    return aligned(rows)


def disturbances(measured: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return what else the host did, if that may have moved the numbers."""
    several = list(measured)
    busy = max((float(one["busy_percent"]) for one in several), default=0.0)
    stolen = max((float(one["steal_percent"]) for one in several), default=0.0)
    told = []
    if busy >= BUSY:
        told.append(
            f"disturbed: up to {busy:.0f} % of the processors were busy just before a load; "
            "measure on a host that does nothing else"
        )
    if stolen >= STOLEN:
        told.append(
            f"disturbed: up to {stolen:.0f} % of the processors' time went to other guests of the "
            "machine below (steal); measure at another hour, or more rounds: -e tune_rounds=7"
        )
    return told


def too_small_an_estimate(found: Sequence[Result], worker_memory_mb: int) -> list[str]:
    """Return what to say if a worker had more memory than it was planned with."""
    largest = max((one.largest_mb for one in found), default=0.0)
    if largest <= worker_memory_mb:
        return []
    return [
        f"app_worker_memory_mb is {worker_memory_mb}, but a worker had {largest:,.0f} MB under "
        f"this load; set app_worker_memory_mb: {round(largest * 1.2)}, so that the plan counts "
        "right"
    ]


def document(
    told: Mapping[str, Any], found: Sequence[Result], advice: Recommendation | None
) -> str:
    """Return a measurement as JSON.

    Args:
        told: What belongs to it besides: host, release, time, settings, each single measurement.
        found: What `results` returned.
        advice: The recommendation, if there is one.
    """
    content = {
        "schema": 1,
        **told,
        "results": [asdict(one) for one in found],
        "recommendation": asdict(advice) if advice else None,
    }
    return json.dumps(content, indent=1) + "\n"
