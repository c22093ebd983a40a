"""The hosts of a rollout over time: what lies where in the picture, in per cent of its width."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.asgi.fleet.plugins.plugin_utils.report.record import Host, Phase, Record
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.words import (
    clean,
    clock,
    counted,
    duration,
)

#: More hosts are folded: of each wave, those that went alike.
FEW = 12
#: So few are not worth folding.
WORTH_FOLDING = 3
#: In the order of a rollout, as the legend has them.
PHASES = ("build", "hooks", "start", "healthy", "cut over", "soak", "revert", "drain")
#: Seconds between two marks of the axis.
STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)
#: So many marks at most.
MARKS = 8
#: A label nearer to an edge than this many per cent is set towards the middle.
EDGE = 6.0


@dataclass(frozen=True)
class Frame:
    """The time that the picture shows.

    Attributes:
        start: Its left edge, in Unix seconds.
        end: Its right edge.
    """

    start: float
    end: float

    def at(self, when: float) -> float:
        """Return where a time is, in per cent; what lies outside is at the edge."""
        return min(max(100 * (when - self.start) / (self.end - self.start), 0.0), 100.0)


@dataclass(frozen=True)
class Mark:
    """A label below or within the picture.

    Attributes:
        x: Where, in per cent.
        anchor: How the text lies there, as SVG's `text-anchor` has it.
        text: The label.
        minor: Whether a narrow screen leaves it out.
    """

    x: str
    anchor: str
    text: str
    minor: bool


@dataclass(frozen=True)
class Bar:
    """A phase in the row of a host.

    Attributes:
        kind: Its name as a class of the style sheet.
        x: Its left edge, in per cent.
        width: Its width, in per cent.
        title: What it is, for whoever points at it.
    """

    kind: str
    x: str
    width: str
    title: str


@dataclass(frozen=True)
class Row:
    """A host, or several that went alike.

    Attributes:
        name: What stands at its left.
        state: Its state at the end.
        tone: How that is to look: see `tone`.
        bars: Its phases.
        said: The same in words, for whoever cannot see it.
    """

    name: str
    state: str
    tone: str
    bars: tuple[Bar, ...]
    said: str


@dataclass(frozen=True)
class Wave:
    """A wave in the picture.

    Attributes:
        title: Which it is.
        rows: The hosts that are shown at once.
        alike: The others as one row; None if there are none.
        folded: The others, each.
    """

    title: str
    rows: tuple[Row, ...]
    alike: Row | None
    folded: tuple[Row, ...]


@dataclass(frozen=True)
class Lane:
    """An application in the picture.

    Attributes:
        app: Its name; empty if it is the only one.
        waves: Its waves.
    """

    app: str
    waves: tuple[Wave, ...]


def percent(value: float) -> str:
    """Return a number for an attribute, with at most two decimals."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def frame(record: Record) -> Frame:
    """Return the time that the picture shows: the rollout, and what the receipt covers.

    The clocks of hosts do not count, unless the end of the rollout is not known.
    """
    receipt = record["receipt"]
    times = [record["began_at"]]
    if receipt:
        times += [receipt["from"], receipt["to"]]
    if record["ended_at"] is not None:
        times.append(record["ended_at"])
    elif not receipt:
        times += [phase["to"] for host in record["hosts"].values() for phase in host["phases"]]
    start, end = min(times), max(times)
    return Frame(start, end if end > start else start + 1)


def axis(shown: Frame) -> tuple[Mark, ...]:
    """Return the marks of the axis, at round times."""
    length = shown.end - shown.start
    step = next((step for step in STEPS if length / step <= MARKS), 7 * 86400)
    first = -(-shown.start // step) * step
    times = [first + step * index for index in range(int((shown.end - first) // step) + 1)]
    return tuple(
        mark(shown.at(when), clock(when)[:5] if step >= 60 else clock(when), bool(index % 2))
        for index, when in enumerate(times)
    )


def mark(x: float, text: str, minor: bool = False) -> Mark:
    """Return a label that stays within the picture."""
    anchor = "start" if x < EDGE else "end" if x > 100 - EDGE else "middle"
    return Mark(percent(x), anchor, text, minor)


def tone(state: str) -> str:
    """Return how the state of a host is to look: `good`, `quiet`, `warn` or `bad`."""
    if state in ("live", "patched", "succeeded"):
        return "good"
    if state in ("not begun", "unchanged", ""):
        return "quiet"
    return "warn" if state in ("reverted", "interrupted") or state.startswith("live") else "bad"


def is_notable(host: Host) -> bool:
    """Return whether a host is to be seen among many."""
    receipt = host["receipt"]
    return tone(host["state"]) == "bad" or bool(receipt and receipt["failed"])


def folded(hosts: Sequence[str], record: Record) -> tuple[list[str], list[str]]:
    """Return the hosts of a wave that are shown at once, and those that are folded.

    Of many hosts, those are folded that are not notable and ended as most of the wave did.
    """
    known = record["hosts"]
    plain = [host for host in hosts if not is_notable(known[host])]
    ends = [_end(known[host]) for host in plain]
    usual = max(ends, key=ends.count, default=None)
    alike = [host for host, end in zip(plain, ends, strict=True) if end == usual]
    if len(known) <= FEW or len(alike) < WORTH_FOLDING:
        return list(hosts), []
    return [host for host in hosts if host not in alike], alike


def _end(host: Host) -> tuple[Any, ...]:
    known = host["receipt"] is not None
    return host["state"], host["before"], host["after"], host["workers"], *host["notes"], known


def lanes(record: Record, shown: Frame) -> tuple[Lane, ...]:
    """Return every host by application and wave. Those in no wave come last."""
    several = len(record["apps"]) > 1
    found = []
    for name, app in record["apps"].items():
        waves = [
            (f"Wave {index}", [host for host in wave if host in record["hosts"]])
            for index, wave in enumerate(app["waves"], 1)
        ]
        placed = {host for _title, wave in waves for host in wave}
        others = [
            host
            for host, one in record["hosts"].items()
            if one["app"] == name and host not in placed
        ]
        waves.append(("In no wave" if placed else "", others))
        found.append(
            Lane(
                clean(name) if several else "",
                tuple(_wave(title, hosts, record, shown) for title, hosts in waves if hosts),
            )
        )
    return tuple(lane for lane in found if lane.waves)


def _wave(title: str, hosts: Sequence[str], record: Record, shown: Frame) -> Wave:
    known = record["hosts"]
    visible, others = folded(hosts, record)
    alike = None
    if others:
        state = known[others[0]]["state"]
        phases = together(known[host]["phases"] for host in others)
        alike = _row(f"{counted(len(others), 'host')} alike", state, phases, shown)
    return Wave(
        f"{title}, {counted(len(hosts), 'host')}" if title else "",
        tuple(_row(host, known[host]["state"], known[host]["phases"], shown) for host in visible),
        alike,
        tuple(_row(host, known[host]["state"], known[host]["phases"], shown) for host in others),
    )


def together(hosts: Iterable[Sequence[Phase]]) -> list[Phase]:
    """Return the phases of several hosts as those of one: from the first begin to the last end."""
    spans: dict[str, Phase] = {}
    for phases in hosts:
        for phase in phases:
            span = spans.setdefault(phase["name"], phase.copy())
            span["from"] = min(span["from"], phase["from"])
            span["to"] = max(span["to"], phase["to"])
    return sorted(spans.values(), key=lambda span: span["from"])


def _row(name: str, state: str, phases: Sequence[Phase], shown: Frame) -> Row:
    known = clean(state) or "not known"
    return Row(
        clean(name),
        known,
        tone(state),
        tuple(_bar(phase, shown) for phase in phases),
        f"{clean(name)}, {known}: "
        + ("; ".join(map(told, phases)) if phases else "it had no phase"),
    )


def told(phase: Phase) -> str:
    """Return a phase in words: `build 14:02:11 to 14:02:20 (9 s)`."""
    length = duration(phase["to"] - phase["from"])
    return f"{clean(phase['name'])} {clock(phase['from'])} to {clock(phase['to'])} ({length})"


def _bar(phase: Phase, shown: Frame) -> Bar:
    begin, end = shown.at(phase["from"]), shown.at(phase["to"])
    return Bar(kind(phase["name"]), percent(begin), percent(max(end - begin, 0)), told(phase))


def kind(name: str) -> str:
    """Return the name of a phase as a class of the style sheet."""
    return name.replace(" ", "-") if name in PHASES else "other"
