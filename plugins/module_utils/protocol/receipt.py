"""What a host served while a rollout ran, as it crosses from the host to the controller."""

from __future__ import annotations

from typing import TypedDict

#: Widths of the bins of a chart, in seconds; each divides the next, so bins can be added up.
BIN_SECONDS = (1, 10, 60, 600, 3600, 86_400)
#: Bins that a chart has at most, except with the widest.
MOST_BINS = 120
#: Gaps between two answers that a host tells, the longest.
MOST_GAPS = 300


class Served(TypedDict):
    """Requests, and how many of them failed (were answered with a status from 500 to 599)."""

    requests: int
    failed: int


class HostReceipt(TypedDict):
    """What a host served, by nginx's log.

    Keys:
        start: The first moment that counts (Unix time).
        end: The last.
        requests: How many requests the application got.
        failed: How many of them failed.
        by_release: The same, by the release that was live when the request came.
        latency_ms: The number of requests, by the milliseconds until the answer began.
        gaps: The longest times without an answer, as pairs of Unix times, in order. The first
            begins before `start` and the last ends after `end`, where nothing is known: None.
        shortest_gap: No gap of more seconds than this was left out; 0 if none was.
        bin_seconds: The width of `bins`.
        bins: The bins that are not empty: its start (Unix time), requests, failed.
    """

    start: float
    end: float
    requests: int
    failed: int
    by_release: dict[str, Served]
    latency_ms: dict[str, int]
    gaps: list[tuple[float | None, float | None]]
    shortest_gap: float
    bin_seconds: int
    bins: list[tuple[int, int, int]]
