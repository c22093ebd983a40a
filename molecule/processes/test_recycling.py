"""Recycling takes processes along and leaves timers alone, under load; and hosts take turns."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import pytest
from events import Shop
from queues import Queue, events, names
from recorder import overlaps, runs, timer

TIMERS = [timer("tick", 0.2), timer("long", 5, "*:*:0/10")]
PATIENCE = 240


@dataclass(frozen=True)
class Cut:
    """A recycle: when its slot became live (Unix time), and which."""

    at: float
    slot: str


def cuts(shop: Shop, since: float, host: str = "") -> list[Cut]:
    """The recycles of a host since a moment."""
    lines = map(json.loads, shop.shell("cat /var/lib/shop/activations.jsonl", host).splitlines())
    return [
        Cut(line["moment"], line["slot"])
        for line in lines
        if line["event"] == "recycled" and line["moment"] >= since
    ]


def setting(shop: Shop, host: str = "", **settings: float) -> None:
    """Change what the timer reads on a host, below what a user may set."""
    for name, value in settings.items():
        change = f's/"{name}": [0-9.]*/"{name}": {value}/'
        shop.shell(f"sed -i '{change}' /etc/shop/recycle.json", host)


def until(met: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
    deadline = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < deadline, what
        time.sleep(1)


@pytest.fixture(scope="module", autouse=True)
def recycling(shop: Shop, queue: Queue) -> Iterator[None]:
    """Both hosts recycle, by what a user may set at least, and have timers."""
    queue.settled(names(shop.live().split()[0]))
    queue.forget()
    shop.variables["app_recycle"] = {"after": "12h"}
    shop.variables["app_timers"] = TIMERS
    shop.succeed("release")
    yield
    del shop.variables["app_recycle"], shop.variables["app_timers"]
    shop.succeed("release")


def test_recycles_lose_no_job_and_no_timer_runs_in_two_releases(shop: Shop, queue: Queue) -> None:
    began = time.time()
    with queue.load():
        setting(shop, hosts=1, after_seconds=15)
        until(lambda: len(cuts(shop, began)) >= 3, "three recycles")
        # One in the middle of a recycle, or between two.
        shop.variables["app_source"] = queue.version()
        shop.succeed("release", limit="queue1")
        released = time.time()
        # The release has kept the settings of the controller.
        setting(shop, hosts=1, after_seconds=15)
        until(lambda: len(cuts(shop, released)) >= 2, "two recycles of the new release")
        setting(shop, after_seconds=43200)
    queue.judge()
    done, ticks = cuts(shop, began), runs(shop, "tick", "queue1")
    print(
        f"{len(done)} recycles and a release in {time.time() - began:.0f} s: {len(queue.enqueued)} "
        f"jobs, 0 lost, 0 twice; {len(ticks)} runs of a timer, 0 at the same time"
    )
    for name in ("tick", "long"):
        found = runs(shop, name, "queue1")
        assert overlaps(found) == []
        releases = list(dict.fromkeys(run.release for run in found))
        order = [releases.index(run.release) for run in found]
        assert order == sorted(order), "a run of the old release after one of the new"
        assert len(releases) >= 2
    # No second without a run is longer than a cut-over may hold one up.
    gaps = [after.began - before.ended for before, after in pairwise(ticks)]
    assert max(gaps) < 10


def test_recycle_takes_processes_along_in_the_order_of_a_release(shop: Shop, queue: Queue) -> None:
    began = time.time()
    setting(shop, hosts=1, after_seconds=5)
    until(lambda: len(cuts(shop, began)) >= 1, "a recycle")
    setting(shop, after_seconds=43200)
    cut = cuts(shop, began)[0]
    new, old = cut.slot, "green" if cut.slot == "blue" else "blue"
    queue.settled(names(cuts(shop, began)[-1].slot))
    found = events(shop, began, "queue1")

    def at(what: str, unit: str) -> float:
        return next(
            one.at for one in found if (one.what, one.unit) == (what, f"shop@{unit}.service")
        )

    print(*(f"{one.at - cut.at:+.2f} s {one.what} {one.unit}" for one in found), sep="\n")
    for number in ("1", "2"):
        # The web workers, then the new processes, visitors, and then the old ones' signal.
        assert at("started", new) < at("started", f"{new}-worker-{number}") < cut.at
        assert cut.at < at("stopping", f"{old}-worker-{number}")
    assert at("stopped", f"{old}-scheduler-1") <= at("started", f"{new}-scheduler-1") < cut.at
    assert cut.at < at("stopping", old)


def test_two_hosts_with_the_same_settings_take_turns(shop: Shop) -> None:
    """Both are due all the time: a turn of a minute instead of some."""
    hosts, turn = ("queue1", "queue2"), 60
    began = time.time()
    for host in hosts:
        setting(shop, host, turn_seconds=turn, start_seconds=turn / 2, hosts=2, after_seconds=5)
    until(lambda: all(cuts(shop, began, host) for host in hosts), "turns", 4 * turn)
    for host in hosts:
        setting(shop, host, after_seconds=43200)
    spans = sorted(span for host in hosts for span in spans_of(shop, began, host))
    print(
        *(
            f"{host} {start % (2 * turn):.1f} to {end % (2 * turn):.1f}"
            for start, end, host in spans
        ),
        sep="\n",
    )
    for (_start, end, _host), (start, _end, _other) in pairwise(spans):
        assert end <= start, "two hosts recycled at the same time"
    places = {
        host: {int(start // turn) % 2 for start, _end, its in spans if its == host}
        for host in hosts
    }
    assert places == {"queue1": {0}, "queue2": {1}}


def spans_of(shop: Shop, since: float, host: str) -> list[tuple[float, float, str]]:
    """From when to when each recycle of a host lasted, until its slot was live."""
    found = events(shop, since, host)
    return [
        (
            max(
                one.at
                for one in found
                # The socket is the first of a slot.
                if one.unit == f"shop@{cut.slot}.socket" and one.at < cut.at
            ),
            cut.at,
            host,
        )
        for cut in cuts(shop, since, host)
    ]
