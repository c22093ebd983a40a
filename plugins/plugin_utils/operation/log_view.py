"""The logs of a fleet in one view: lines of all hosts in order of time, each with its host."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

#: Seconds between two calls to a busy host, and what each followed host adds to them: a call costs
#: the controller about that much of a core (docs/commands.md).
INTERVAL_SECONDS = 2.0
SECONDS_FOR_EACH_HOST = 0.1


def interval(hosts: int) -> float:
    """Return the seconds from one call to a host to the next, so that all take one core at most."""
    return max(INTERVAL_SECONDS, hosts * SECONDS_FOR_EACH_HOST)


def merged(answers: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the lines of all hosts in order of time.

    Args:
        answers: By host, what `asgi.fleet.logs` returned.
    """
    width = max(map(len, answers), default=0)
    found = [
        [(moment, host, text) for moment, _source, text in answer["lines"]]
        for host, answer in answers.items()
    ]
    # By time alone: lines of one host stay in their order.
    ordered = heapq.merge(*found, key=lambda line: line[0])
    return [shown(moment, host, text, width) for moment, host, text in ordered]


def shown(moment: float, host: str, text: str, width: int) -> str:
    """Return one line; its time is UTC, since hosts may have other zones."""
    when = datetime.fromtimestamp(moment, timezone.utc)
    return f"{when:%Y-%m-%d %H:%M:%S}.{when.microsecond // 1000:03d} {host:<{width}} {text}"


def cut_lines(answers: Mapping[str, Mapping[str, Any]], most: int) -> list[str]:
    """Return what to say of hosts that have more lines than are shown."""
    told = []
    for host, answer in answers.items():
        left_out = answer["left_out"]
        if left_out != 0:
            count = "earlier lines" if left_out is None else f"{left_out} earlier lines"
            told.append(
                f"{host}: {count} are left out; more of them: -e logs_lines={most * 10}, or fewer "
                "to choose from: -e logs_since=... or -e logs_grep=..."
            )
    return told


def footer(shown_lines: Sequence[str], since: float) -> str:
    """Return what is said if there is no line."""
    if shown_lines:
        return ""
    when = datetime.fromtimestamp(since, timezone.utc)
    return f'no lines since {when:%Y-%m-%d %H:%M:%S} UTC; earlier ones: -e logs_since="1 h ago"'
