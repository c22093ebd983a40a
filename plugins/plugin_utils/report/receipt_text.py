"""The receipt of a rollout in a few lines, for the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ansible_collections.asgi.fleet.plugins.module_utils.protocol.text import printable
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.record import (
    Count,
    Receipt,
    Record,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.words import (
    between,
    duration,
    milliseconds,
    names,
    number,
)

#: More hosts get no line each, but for those that failed requests.
FEW = 6
#: Of those, so many get a line.
WORST = 3


def receipt_lines(record: Record) -> list[str]:
    """Return the receipt: the backups before its migrations, and what was served meanwhile."""
    return [*map(printable, _of_backups(record)), *_of_requests(record)]


def _of_backups(record: Record) -> Iterator[str]:
    for app, one in record["apps"].items():
        told = one.get("backup")
        if not told:
            continue
        age = duration(told["age"])
        if told["skipped_by"]:
            last = "there was none" if told["age"] is None else f"the last one was {age} old"
            yield f"{app}: MIGRATED WITHOUT A BACKUP, by {told['skipped_by']}; {last}"
        elif told["failed"]:
            yield f"{app}: no backup, so it was not migrated"
        elif told["age"] is not None:
            how = "made for it" if told["made"] else "fresh enough"
            yield f"{app}: the backup on {told['host']} was {age} old at the migration, {how}"


def _of_requests(record: Record) -> list[str]:
    """Return what was served while a rollout ran, in a few lines; none if nobody asked.

    The sum first, then each host, then each release. Of more than six hosts only those with failed
    requests are named, the worst first.
    """
    known = {host: one["receipt"] for host, one in record["hosts"].items() if one["receipt"]}
    unknown = [host for host, one in record["hosts"].items() if not one["receipt"]]
    total = record["receipt"]
    if total is None:
        if record["outcome"] == "refused" or not unknown:
            return []
        return ["what was served while it ran is not known"]
    span = between(total["from"], total["to"])
    lines = [f"served while it ran ({span}): {_served(total)}"]
    # The only host is the sum.
    if len(record["hosts"]) > 1 and total["requests"]:
        lines += _of_hosts(known, each=len(record["hosts"]) <= FEW)
    if len(total["by_release"]) > 1 or total["failed"]:
        lines.append(_by_release(total["by_release"]))
    if unknown:
        lines.append(f"nothing is known of {names(unknown)}")
    return [printable(line) for line in lines if line]


def _of_hosts(receipts: Mapping[str, Receipt], each: bool) -> list[str]:
    if each:
        width = max(map(len, receipts), default=0)
        return [f"{host:{width}}  {_served(one)}" for host, one in receipts.items()]
    worst = sorted(
        ((host, one) for host, one in receipts.items() if one["failed"]),
        key=lambda item: (-item[1]["failed"], item[0]),
    )
    width = max((len(host) for host, _receipt in worst[:WORST]), default=0)
    lines = [f"{host:{width}}  {_served(one)}" for host, one in worst[:WORST]]
    if len(worst) > WORST:
        also = ", ".join(
            f"{host} {number(one['failed'])}" for host, one in worst[WORST : 2 * WORST]
        )
        left = len(worst) - 2 * WORST
        lines.append(f"also failed: {also}" + (f", and on {left} other hosts" if left > 0 else ""))
    well = len(receipts) - len(worst)
    return [*lines, f"{well} {'other hosts' if worst else 'hosts'}: 0 failed"] if well else lines


def _served(receipt: Receipt) -> str:
    """Return the counts, and how long it took; the failures first, if there are any."""
    if not receipt["requests"]:
        return "no requests"
    lengths = [
        f"{what} {milliseconds(value)}"
        for what, value in (
            ("longest gap", receipt["longest_gap_ms"]),
            ("slowest", receipt["slowest_ms"]),
            ("p99", receipt["p99_ms"]),
        )
        if value is not None
    ]
    return "; ".join(part for part in (_count(receipt), ", ".join(lengths)) if part)


def _count(count: Count | Receipt) -> str:
    requests = number(count["requests"])
    noun = "request" if count["requests"] == 1 else "requests"
    if count["failed"]:
        return f"{number(count['failed'])} FAILED of {requests} {noun}"
    return f"{requests} {noun}, 0 failed"


def _by_release(releases: Mapping[str, Count]) -> str:
    return "; ".join(f"{release}: {_count(count)}" for release, count in _ordered(releases))


def _ordered(releases: Mapping[str, Count]) -> Sequence[tuple[str, Count]]:
    """Return the releases that failed requests first."""
    return sorted(releases.items(), key=lambda item: -item[1]["failed"])
