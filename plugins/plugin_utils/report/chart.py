"""The requests of a receipt over time: the shapes of the chart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.asgi.fleet.plugins.plugin_utils.report.record import Receipt, Record
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.timeline import (
    Frame,
    Mark,
    mark,
    percent,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.words import (
    between,
    clock,
    counted,
    milliseconds,
    number,
)

#: More bins are taken together: they would be thinner than what a screen shows.
BINS = 120
#: The space that the shapes are drawn in; the browser stretches it.
WIDTH, HEIGHT = 1000, 100
#: A failure is seen beside ten thousand requests: its column has at least this height.
LEAST = 4.0
#: The label of a wave this near to the last one is left out; on a narrow screen, the second.
NEAR, NEAR_ON_A_PHONE = 8.0, 22.0


@dataclass(frozen=True)
class Bin:
    """The requests of some seconds.

    Attributes:
        begin: When they begin.
        seconds: How many.
        requests: How many requests were answered.
        failed: How many of them failed.
    """

    begin: float
    seconds: int
    requests: int
    failed: int

    @property
    def time(self) -> str:
        """When they begin, as a time of day."""
        return clock(self.begin)


@dataclass(frozen=True)
class Chart:
    """The chart: paths, and labels.

    Attributes:
        served: The area of all requests.
        failed: The columns of those that failed.
        bands: The seconds in which requests failed, from the top to the bottom.
        top: The number of requests a second at its upper edge.
        half: That in the middle; empty if it is no whole number.
        marks: When each wave was first switched.
        gap: Where the longest gap was; None if that is not known.
        bins: The same as numbers.
        said: The same in words.
    """

    served: str
    failed: str
    bands: str
    top: str
    half: str
    marks: tuple[Mark, ...]
    gap: Mark | None
    bins: tuple[Bin, ...]
    said: str


def chart(record: Record, shown: Frame) -> Chart | None:
    """Return the chart of what was served; None if nothing was, or nothing is known."""
    receipt = record["receipt"]
    bins = merged(receipt) if receipt else []
    if receipt is None or not receipt["requests"] or not bins:
        return None
    most = max(one.requests / one.seconds for one in bins)
    # Some room above, for the labels.
    top = nice(1.08 * most)
    return Chart(
        "".join(_column(one, one.requests, top, shown) for one in bins if one.requests),
        "".join(_column(one, one.failed, top, shown, LEAST) for one in bins if one.failed),
        "".join(_column(one, one.failed, top, shown, HEIGHT) for one in bins if one.failed),
        number(top),
        number(top // 2) if top % 2 == 0 else "",
        tuple(cut_overs(record, shown)),
        _gap(receipt, shown),
        tuple(bins),
        f"Requests a second, {between(receipt['from'], receipt['to'])}: at most {most:,.0f}; "
        f"{counted(receipt['requests'], 'request')} in all, {number(receipt['failed'])} failed",
    )


def merged(receipt: Receipt) -> list[Bin]:
    """Return the bins in their order, so many together that there are not too many."""
    given = receipt["bins"]
    if not given:
        return []
    size = max(receipt["bin_seconds"], 1)
    begins = [one[0] for one in given]
    first = min(begins)
    several = -(-((max(begins) - first) // size + 1) // BINS)
    found: dict[int, Bin] = {}
    for begin, requests, failed in sorted(given):
        start = first + (begin - first) // (size * several) * size * several
        before = found.get(start, Bin(start, size * several, 0, 0))
        found[start] = Bin(
            start, size * several, before.requests + requests, before.failed + failed
        )
    return list(found.values())


def nice(most: float) -> int:
    """Return a round number that is not below `most`: 1 to 10 times a power of ten."""
    power = 1
    while 10 * power < most:
        power *= 10
    return next(factor * power for factor in (1, 2, 3, 4, 5, 6, 8, 10) if factor * power >= most)


def _column(one: Bin, count: int, top: int, shown: Frame, least: float = 0.0) -> str:
    """Return a column that stands on the lower edge, as a path."""
    left = 10 * shown.at(one.begin)
    right = 10 * shown.at(one.begin + one.seconds)
    height = max(HEIGHT * count / one.seconds / top, least)
    return f"M{percent(left)} {HEIGHT}V{percent(HEIGHT - height)}H{percent(right)}V{HEIGHT}z"


def cut_overs(record: Record, shown: Frame) -> Sequence[Mark]:
    """Return when each wave was first switched, with labels that do not lie on each other."""
    found: dict[tuple[str, int], float] = {}
    for host in record["hosts"].values():
        for phase in host["phases"]:
            if phase["name"] == "cut over" and host["wave"] is not None:
                key = (host["app"], host["wave"])
                found[key] = min(found.get(key, phase["from"]), phase["from"])
    marks, last, last_on_a_phone = [], -100.0, -100.0
    for (_app, wave), when in sorted(found.items(), key=lambda item: (item[1], item[0])):
        x = shown.at(when)
        # With several applications, the number alone says too little.
        labelled = x - last >= NEAR and len(record["apps"]) == 1
        minor = x - last_on_a_phone < NEAR_ON_A_PHONE
        if labelled:
            last = x
            last_on_a_phone = last_on_a_phone if minor else x
        marks.append(mark(x, f"wave {wave}" if labelled else "", minor))
    return marks


def _gap(receipt: Receipt, shown: Frame) -> Mark | None:
    if receipt["gap_at"] is None or receipt["longest_gap_ms"] is None:
        return None
    text = f"longest gap, {milliseconds(receipt['longest_gap_ms'])}, at {clock(receipt['gap_at'])}"
    return mark(shown.at(receipt["gap_at"]), text)
