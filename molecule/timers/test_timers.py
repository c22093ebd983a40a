"""Timers over releases: no elapse is lost, none runs twice, and no run on two releases at once."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from itertools import pairwise

import pytest
from events import Shop
from recorder import (
    EVERY,
    FIRST,
    HOSTS,
    SLOW,
    Run,
    cut_overs,
    forget,
    overlaps,
    runs,
    unchanged,
    unfinished,
)

#: Fewer while one develops.
RELEASES = int(os.environ.get("TIMER_RELEASES", "10"))


@pytest.fixture(scope="module")
def released(shop: Shop) -> Shop:
    """The shop after ten releases, each another one."""
    forget(shop)
    for _number in range(RELEASES):
        shop.variables["app_source"] = shop.new_version()
        shop.succeed("release")
    time.sleep(EVERY + 2)
    return shop


def judge(found: Sequence[Run]) -> list[str]:
    """Assert what holds for the runs of any timer on one host; return its releases, in order."""
    releases = list(dict.fromkeys(run.release for run in found))
    assert len(releases) >= RELEASES
    assert overlaps(found) == []
    # A release never comes back: no run of an old one after the first of the next.
    order = [releases.index(run.release) for run in found]
    assert order == sorted(order)
    return releases


def test_each_elapse_runs_exactly_once_over_ten_releases(released: Shop) -> None:
    for host in HOSTS:
        found = runs(released, "long", host)
        releases = judge(found)
        slots = [int(run.began // EVERY) for run in found]
        print(
            f"{host}: {len(found)} runs in {len(releases)} releases, each {EVERY} s one; "
            f"the latest began after {max(run.began % EVERY for run in found):.2f} s"
        )
        assert slots == list(range(slots[0], slots[-1] + 1)), host


def test_timer_of_each_second_never_overlaps_nor_stops(released: Shop) -> None:
    for host in HOSTS:
        found = runs(released, "tick", host)
        releases = judge(found)
        # What elapses while a run goes on is one run, right after it.
        late = sorted(
            after.began - max(before.ended, int(before.began) + 1)
            for before, after in pairwise(found)
        )
        print(
            f"{host}: {len(found)} runs in {len(releases)} releases in "
            f"{found[-1].ended - found[0].began:.0f} s; later than due: "
            f"median {late[len(late) // 2]:.2f} s, at most {late[-1]:.2f} s"
        )
        assert late[-1] < EVERY


def test_a_run_ended_in_the_release_that_it_began_in(released: Shop) -> None:
    """One that a cut-over has overtaken: it began before, and ended after it."""
    cuts = cut_overs(released, FIRST)
    found = runs(released, "long", FIRST)
    overtaken = [run for run in found if any(run.began < cut < run.ended for cut in cuts)]
    print(f"{len(overtaken)} of {len(cuts)} cut-overs came while a run went on")
    assert overtaken


def test_a_release_stays_until_its_runs_have_ended(released: Shop) -> None:
    """However many releases follow: a run that lasts as long as several of them reads its own."""
    begun = unfinished(released, "slow", FIRST)
    time.sleep(max(0.0, begun[-1][1] + SLOW + 2 - time.time()))
    cuts = cut_overs(released, FIRST)
    found = runs(released, "slow", FIRST)
    overtaken = {run.id: sum(run.began < cut < run.ended for cut in cuts) for run in found}
    print(f"runs of {SLOW} s were overtaken by {list(overtaken.values())} cut-overs")
    assert max(overtaken.values()) >= min(3, RELEASES - 1)
    # Each ended well in its release, but for the one that has just begun.
    assert len(unfinished(released, "slow", FIRST)) == 1
    left = released.shell("ls /opt/shop/releases", FIRST).split()
    assert len(left) <= 3, "the live and the previous one, and what a run holds"


def test_a_second_run_changes_nothing(released: Shop) -> None:
    # The first takes away the releases that only a run has held.
    released.succeed("release")
    for host in HOSTS:
        assert len(released.shell("ls /opt/shop/releases", host).split()) == 2
    before = released.live(FIRST)
    assert set(unchanged(released.succeed("release"))) >= set(HOSTS)
    assert released.live(FIRST) == before
