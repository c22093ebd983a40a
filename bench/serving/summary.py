"""Makes of the rounds what is told: medians, ratios, what must hold, and the tables of the docs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Any

from bench.serving.plan import CONTENDERS, DIRECT, GUIDE, KINDS, OURS

Record = Mapping[str, Any]

#: What the JSON line has of each server and kind: the medians of the rounds.
FIGURES = (
    "rps",
    "p50_ms",
    "p99_ms",
    "server_cpu",
    "nginx_cpu",
    "load_cpu",
    "server_mb",
    "nginx_mb",
)

#: What must hold, for JSON: this project's requests a second to those of others, and the p99.
GUIDE_RATIO = 1.5
DIRECT_RATIO = 0.75
P99_RATIO = 1.0
#: And of the CPU of a request, JSON: the application's part. The rest is nginx's, with TLS and log.
APPLICATION_SHARE = 0.75

TABLE = """\
| JSON | requests/s | to ours | p50, ms | p99, ms | CPU, s of 1,000: server, nginx | MB |
|---|---|---|---|---|---|---|"""

COSTS_TABLE = """\
| nginx as deployed, but for | its CPU of a request, µs | to as deployed | the application's |
|---|---|---|---|"""
#: Microseconds of CPU of a request: nginx's, the application's; and requests a second.
COSTS = ("nginx_us", "server_us", "rps")
#: The variant that the others are compared with.
DEPLOYED = "as deployed"


def pick(records: Iterable[Record], contender: str, kind: str) -> list[Record]:
    """Return what the rounds have said of one server and one kind, in the order of the rounds."""
    return [x for x in records if x["contender"] == contender and x["kind"] == kind]


def medians(records: Sequence[Record]) -> dict[str, dict[str, dict[str, float]]]:
    """Return the medians of all rounds: server, kind, figure; `failed` is their sum."""
    result: dict[str, dict[str, dict[str, float]]] = {}
    for contender in dict.fromkeys(x["contender"] for x in records):
        for kind in dict.fromkeys(x["kind"] for x in records):
            found = pick(records, contender, kind)
            figures = {key: round(median(x[key] for x in found), 3) for key in FIGURES}
            result.setdefault(contender, {})[kind] = {
                **figures,
                "failed": sum(x["failed"] for x in found),
            }
    return result


def ratio(records: Sequence[Record], other: str, kind: str, figure: str) -> float:
    """Return the median of this project's figure divided by another's, each in the same round."""
    pairs = zip(pick(records, OURS, kind), pick(records, other, kind), strict=True)
    seen: float = median(a[figure] / max(b[figure], 1e-9) for a, b in pairs)
    return round(seen, 2)


def share(records: Sequence[Record]) -> float:
    """Return the application's part of the CPU of a request to this project, JSON.

    Both are counted in the same seconds, so it moves less than requests a second: what slows the
    machine slows both.
    """
    seen: float = median(
        one["server_cpu"] / max(one["server_cpu"] + one["nginx_cpu"], 1e-9)
        for one in pick(records, OURS, "json")
    )
    return round(seen, 2)


def ratios(records: Sequence[Record]) -> dict[str, dict[str, float]]:
    """Return this project's requests a second to those of each other: server, kind."""
    names = dict.fromkeys(x["contender"] for x in records)
    kinds = dict.fromkeys(x["kind"] for x in records)
    return {
        name: {kind: ratio(records, name, kind, "rps") for kind in kinds}
        for name in names
        if name != OURS
    }


def broken(records: Sequence[Record]) -> list[str]:
    """Return what does not hold, each as a sentence; ratios only, since machines differ.

    Args:
        records: Of this project, of the guide, and of the workers asked directly if they were.
    """
    found = []
    measured = {x["contender"] for x in records}
    for other, least in ((GUIDE, GUIDE_RATIO), (DIRECT, DIRECT_RATIO)):
        if other == DIRECT and DIRECT not in measured:
            continue
        seen = ratio(records, other, "json", "rps")
        if seen < least:
            found.append(
                f"requests a second, JSON, to {other}: x {seen:.2f}; expected {least} or more"
            )
    if (seen := share(records)) < APPLICATION_SHARE:
        found.append(
            f"the application's part of the CPU, JSON: {seen:.2f}; "
            f"expected {APPLICATION_SHARE} or more, the rest is nginx's"
        )
    slower = ratio(records, GUIDE, "json", "p99_ms")
    if slower > P99_RATIO:
        found.append(f"p99, JSON, to {GUIDE}: x {slower:.2f}; expected {P99_RATIO} or less")
    if failed := sum(x["failed"] for x in records if x["contender"] in (OURS, DIRECT)):
        found.append(f"requests that failed here: {failed}; expected 0")
    return found


def table(records: Sequence[Record]) -> str:
    """Return the tables of docs/performance.md: JSON in full, and every kind as a ratio."""
    middle = medians(records)
    names = [one.name for one in CONTENDERS if one.name in middle]
    rows = [TABLE]
    for name in names:
        one = middle[name]["json"]
        rows.append(
            f"| {label(name)} | {one['rps']:,.0f} "
            f"| x {one['rps'] / middle[OURS]['json']['rps']:.2f} "
            f"| {one['p50_ms']:.1f} | {one['p99_ms']:.1f} "
            f"| {one['server_cpu']:.2f} + {one['nginx_cpu']:.2f} "
            f"| {one['server_mb']:.0f} + {one['nginx_mb']:.0f} |"
        )
    kinds = [kind.name for kind in KINDS if kind.name in middle[OURS]]
    rows += ["", f"| ours to | {' | '.join(kinds)} |", "|---" * (len(kinds) + 1) + "|"]
    for name, by_kind in ratios(records).items():
        cells = (f"x {by_kind[kind]:.2f}" for kind in kinds)
        rows.append(f"| {label(name)} | {' | '.join(cells)} |")
    return "\n".join(rows)


def costs(records: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Return what each copy of nginx costs a request, and its ratio to the deployed one's.

    Args:
        records: Of all rounds: `variant` and COSTS.

    Returns:
        By variant: COSTS, the medians of the rounds; `ratio` and `rps_ratio`, of nginx's CPU and of
        the requests a second to those of the deployed one, each the median of the rounds' ratios.
    """
    by_name: dict[str, list[Mapping[str, Any]]] = {}
    for one in records:
        by_name.setdefault(one["variant"], []).append(one)
    result = {}
    for name, seen in by_name.items():
        pairs = list(zip(seen, by_name[DEPLOYED], strict=True))
        result[name] = {
            **{key: round(median(one[key] for one in seen), 1) for key in COSTS},
            "ratio": round(median(a["nginx_us"] / b["nginx_us"] for a, b in pairs), 2),
            "rps_ratio": round(median(a["rps"] / b["rps"] for a, b in pairs), 2),
        }
    return result


def costs_table(found: Mapping[str, Mapping[str, float]]) -> str:
    """Return the table of decision 66."""
    rows = [
        f"| {name} | {one['nginx_us']:.0f} | x {one['ratio']:.2f} | {one['server_us']:.0f} |"
        for name, one in found.items()
    ]
    return "\n".join([COSTS_TABLE, *rows])


def label(name: str) -> str:
    """Return a server's name as the tables have it: a command as it is typed."""
    return name if name in (OURS, DIRECT) else f"`{name}`"
