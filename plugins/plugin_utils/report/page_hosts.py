"""The hosts as the page's table shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.asgi.fleet.plugins.plugin_utils.report.page_served import Figure
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.record import Host, Record
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.timeline import (
    folded,
    tone,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.words import (
    clean,
    counted,
    milliseconds,
    number,
)

#: The columns of a host's receipt.
FIGURES = ("Requests", "Failed", "Longest gap", "Slowest", "p99")


@dataclass(frozen=True)
class HostLine:
    """A host in the table.

    Attributes:
        app: Its application, if there are several.
        tone: How its state is to look.
        before: What was live before; empty if that is what is live since.
        after: What is live since.
        figures: What its receipt says, in the order of the columns.
    """

    name: str
    app: str
    wave: str
    state: str
    tone: str
    before: str
    after: str
    workers: str
    figures: tuple[Figure, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class HostGroup:
    """Hosts of the table that are shown, or folded, together.

    Attributes:
        title: What they have in common; empty for those that are shown at once.
        detail: More of it.
        notes: The notes that each of them has.
    """

    title: str
    detail: str
    notes: tuple[str, ...]
    hosts: tuple[HostLine, ...]


@dataclass(frozen=True)
class Plan:
    """A number of workers with its reason.

    Attributes:
        count: How many hosts have it, with the noun.
        hosts: Those.
    """

    workers: str
    reason: str
    count: str
    hosts: str


def groups(record: Record) -> tuple[HostGroup, ...]:
    """Return the hosts: those to be seen at once, then the others of each wave, folded."""
    several = len(record["apps"]) > 1
    seen: list[str] = []
    rest: list[HostGroup] = []
    placed: set[str] = set()
    for name, app in record["apps"].items():
        waves = [[host for host in wave if host in record["hosts"]] for wave in app["waves"]]
        placed.update(host for wave in waves for host in wave)
        others = [
            host
            for host, one in record["hosts"].items()
            if one["app"] == name and host not in placed
        ]
        placed.update(others)
        for index, wave in enumerate([*waves, others], 1):
            visible, alike = folded(wave, record)
            seen += visible
            if alike:
                title = f"Wave {index}" if index <= len(waves) else "In no wave"
                rest.append(_group(f"{clean(name)}, {title}" if several else title, alike, record))
    # Of an application that the record does not have.
    seen += [host for host in record["hosts"] if host not in placed]
    lines = tuple(_line(host, record["hosts"][host], several) for host in seen)
    return (*((HostGroup("", "", (), lines),) if lines else ()), *rest)


def _group(title: str, hosts: Sequence[str], record: Record) -> HostGroup:
    known = record["hosts"]
    first = known[hosts[0]]
    receipts = [receipt for host in hosts if (receipt := known[host]["receipt"])]
    requests = sum(receipt["requests"] for receipt in receipts)
    served = f", {counted(requests, 'request')}, 0 failed" if receipts else ""
    release = f", on {clean(first['after'])}" if first["after"] else ""
    return HostGroup(
        f"{title}: {counted(len(hosts), 'host')} alike",
        f"{clean(first['state'])}{release}{served}",
        tuple(clean(note) for note in first["notes"]),
        tuple(_line(host, known[host], len(record["apps"]) > 1) for host in hosts),
    )


def _line(name: str, host: Host, several: bool) -> HostLine:
    receipt = host["receipt"]
    values = ("",) * len(FIGURES)
    if receipt:
        lengths = (receipt["longest_gap_ms"], receipt["slowest_ms"], receipt["p99_ms"])
        values = (
            number(receipt["requests"]),
            number(receipt["failed"]),
            *("" if value is None else milliseconds(value) for value in lengths),
        )
    bad = "bad" if receipt and receipt["failed"] else ""
    return HostLine(
        clean(name),
        clean(host["app"]) if several else "",
        "" if host["wave"] is None else str(host["wave"]),
        clean(host["state"]) or "not known",
        tone(host["state"]),
        clean(host["before"]) if host["before"] != host["after"] else "",
        clean(host["after"]) or "not known",
        "" if host["workers"] is None else str(host["workers"]),
        tuple(
            Figure(label, value, tone=bad if label == "Failed" else "")
            for label, value in zip(FIGURES, values, strict=True)
        ),
        tuple(clean(note) for note in host["notes"]),
    )


def _without_number(reason: str, workers: int | None) -> str:
    """Return the reason without the number that it begins with, which stands beside it."""
    number_first, why = reason.partition(": ")[::2]
    return why if number_first in (f"{workers} workers", f"{workers} worker") else reason


def plans(record: Record) -> tuple[Plan, ...]:
    """Return each number of workers with its reason once, with its hosts."""
    found: dict[tuple[int | None, str], list[str]] = {}
    for name, host in record["hosts"].items():
        if host["workers"] is not None or host["workers_reason"]:
            found.setdefault((host["workers"], clean(host["workers_reason"])), []).append(
                clean(name)
            )
    return tuple(
        Plan(
            "not known" if workers is None else str(workers),
            _without_number(reason, workers) or "not known",
            counted(len(hosts), "host"),
            ", ".join(hosts),
        )
        for (workers, reason), hosts in found.items()
    )
