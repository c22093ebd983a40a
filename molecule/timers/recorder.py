"""The timers of the scenario, which note each run, and what is read of these notes."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from events import ROOT, Shop

SCENARIO = Path(__file__).parent
FIRST, SECOND = HOSTS = ("timer1", "timer2")


def noting(name: str, seconds: float) -> str:
    """Return a command that notes when it began and ended, in which release and which run.

    It does not end well if its release is no longer there.
    """
    note = f'"$INVOCATION_ID $FLEET_RELEASE $(date +%s.%N)" >>"$STATE_DIRECTORY/{name}"'
    return f"echo begin {note}; sleep {seconds}; test -s main.py && echo end {note}"


def timer(name: str, seconds: float, schedule: str = "*:*:*", **more: object) -> dict[str, Any]:
    """Return a timer whose runs take so long, and note it."""
    return {"name": name, "command": noting(name, seconds), "schedule": schedule, **more}


#: Seconds between two runs of the timer `long`.
EVERY = 10
#: Seconds that a run of the timer `slow` takes: several releases.
SLOW = 150
#: Seconds between two runs of a timer that elapses seldom enough for a host to be down meanwhile.
SELDOM = 15
TIMERS = [
    timer("tick", 0.2),
    timer("long", 5, f"*:*:0/{EVERY}"),
    timer("slow", SLOW, "*:*:0/20"),
    timer("only", 0.2, once_per_fleet=True, persistent=True),
    # Takes longer than a move does, and is waited for.
    timer("alone", 4, "*:*:0/6", once_per_fleet=True),
    timer("missed", 0, f"*:*:0/{SELDOM}", persistent=True),
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
    return _read(shop, name, host)[0]


def unfinished(shop: Shop, name: str, host: str) -> list[tuple[str, float]]:
    """Return the release and the beginning of the runs that have not ended well."""
    return _read(shop, name, host)[1]


def _read(shop: Shop, name: str, host: str) -> tuple[list[Run], list[tuple[str, float]]]:
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
    return found, list(began.values())


def forget(shop: Shop) -> None:
    """Empty the notes, but for those of runs that last longer than a release."""
    for host in HOSTS:
        shop.shell("find /var/lib/shop/state -type f ! -name slow -delete", host)


def overlaps(found: Iterable[Run]) -> list[tuple[Run, Run]]:
    """Return the pairs of runs, one after the other, that ran at the same time."""
    ordered = sorted(found, key=lambda run: run.began)
    return [(one, other) for one, other in pairwise(ordered) if other.began < one.ended]


def units(shop: Shop, host: str) -> dict[str, str]:
    """Return the text of each unit of a timer."""
    text = shop.shell(
        'cd /etc/systemd/system; for file in shop@timer-*; do echo "== $file"; cat "$file"; done',
        host,
    )
    parts = (part.partition("\n") for part in f"\n{text}".split("\n== ")[1:])
    return {name: body for name, _line, body in parts}


def elapsing(shop: Shop, host: str) -> set[str]:
    """Return the names of the timers that elapse on a host, and will after a reboot."""
    found = []
    for told in ("list-units --state=active", "list-unit-files --state=enabled"):
        # Without any, list-unit-files fails.
        command = f"systemctl {told} --plain --no-legend 'shop@timer-*.timer' || true"
        lines = shop.shell(command, host)
        names = (line.split()[0] for line in lines.splitlines())
        found.append({name.removeprefix("shop@timer-").removesuffix(".timer") for name in names})
    assert found[0] == found[1], found
    return found[0]


def cut_overs(shop: Shop, host: str) -> list[float]:
    """Return when a release has gone live on a host (Unix time)."""
    text = shop.shell("cat /var/lib/shop/activations.jsonl", host)
    return [one["at"] for one in map(json.loads, text.splitlines()) if one["event"] == "live"]


def unchanged(told: str) -> list[str]:
    """Return the hosts on which a playbook has changed nothing, by its recap."""
    lines = told.rpartition("PLAY RECAP")[2].splitlines()
    return [line.split()[0] for line in lines if "changed=0 " in line]


def podman(*arguments: str) -> None:
    """Run podman as the test hosts were made with it."""
    script = f'. {ROOT}/molecule/shared/env.sh && exec podman "$@"'
    subprocess.run(["bash", "-c", script, "podman", *arguments], check=True, capture_output=True)


def wait_for_boot(shop: Shop, host: str) -> None:
    """Wait until a host has booted."""
    deadline = time.time() + 60
    while time.time() < deadline:
        state = shop.shell("systemctl is-system-running", host, check=False)
        if state in ("running", "degraded"):
            return
        time.sleep(0.3)
    raise AssertionError(host)
