"""Timers over releases: no elapse is lost, none runs twice, and no run on two releases at once."""

from __future__ import annotations

import time

from events import Shop
from recorder import overlaps, runs

RELEASES = 10


def test_ten_releases_lose_no_elapse_and_run_none_twice(shop: Shop) -> None:
    for number in range(RELEASES):
        shop.variables["app_source"] = shop.new_version()
        shop.succeed("release")
        print("release", number, shop.live("timer1"))
    time.sleep(1.5)
    for host in shop.hosts:
        found = runs(shop, "tick", host)
        releases = list(dict.fromkeys(run.release for run in found))
        # Each second of the wall clock in which it was due.
        seconds = [int(run.began) for run in found]
        due = set(range(seconds[0], seconds[-1] + 1))
        missed, twice = due - set(seconds), len(seconds) - len(set(seconds))
        print(
            f"{host}: {len(found)} runs in {len(releases)} releases, {len(missed)} seconds without "
            f"a run, {twice} with two; latest {max(run.began % 1 for run in found):.2f} s"
        )
        assert len(releases) >= RELEASES
        assert overlaps(found) == []
        # A release never comes back: no run of an old one after the first of the next.
        order = [releases.index(run.release) for run in found]
        assert order == sorted(order)
        # A late run is one of the second after; systemd merges what it then owes.
        assert len(found) >= len(due) - 2 * RELEASES


def test_a_second_run_changes_nothing(shop: Shop) -> None:
    before = shop.live("timer1")
    shop.succeed("release")
    assert shop.live("timer1") == before
