"""The timers of the scenario, which note each run, and what is read of these notes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from events import Shop

SCENARIO = Path(__file__).parent


def noting(name: str, seconds: float) -> str:
    """Return a command that notes when it began and ended, in which release and which run."""
    note = f'"$INVOCATION_ID $FLEET_RELEASE $(date +%s.%N)" >>"$STATE_DIRECTORY/{name}"'
    return f"echo begin {note}; sleep {seconds}; echo end {note}"


def timer(name: str, seconds: float, schedule: str = "*:*:*", **more: object) -> dict[str, Any]:
    """Return a timer whose runs take so long, and note it."""
    return {"name": name, "command": noting(name, seconds), "schedule": schedule, **more}


#: Seconds between two runs of the timer `long`.
EVERY = 10
TIMERS = [
    timer("tick", 0.2),
    timer("long", 5, f"*:*:0/{EVERY}"),
    timer("only", 0.2, once_per_fleet=True, persistent=True),
]


@dataclass(frozen=True)
class Run:
    """One run: its id, its release, when it began and when it ended (Unix time)."""

    id: str
    release: str
    began: float
    ended: float


def runs(shop: Shop, name: str, host: str) -> list[Run]:
    """Return the runs of a timer on a host that have ended, in order."""
    text = shop.shell(f"cat /var/lib/shop/state/{name} 2>/dev/null || true", host)
    began: dict[str, tuple[str, float]] = {}
    found = []
    for line in text.splitlines():
        word, identifier, release, moment = line.split()
        if word == "begin":
            assert identifier not in began, "an id of systemd's is of one run"
            began[identifier] = (release, float(moment))
        else:
            # Of one that went on when the notes were emptied.
            if identifier not in began:
                continue
            then = began.pop(identifier)
            assert then[0] == release
            found.append(Run(identifier, release, then[1], float(moment)))
    return found


def overlaps(found: Iterable[Run]) -> list[tuple[Run, Run]]:
    """Return the pairs of runs, one after the other, that ran at the same time."""
    ordered = sorted(found, key=lambda run: run.began)
    return [(one, other) for one, other in pairwise(ordered) if other.began < one.ended]
