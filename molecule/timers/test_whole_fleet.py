"""A timer that only one host of the fleet runs, and its move when that host leaves."""

from __future__ import annotations

import time

from events import Shop
from recorder import overlaps, runs


def test_only_the_first_host_runs_it(shop: Shop) -> None:
    first, second = shop.hosts
    assert runs(shop, "only", first)
    assert runs(shop, "only", second) == []


def test_it_moves_when_its_host_is_removed(shop: Shop) -> None:
    first, second = shop.hosts
    shop.succeed("restart")
    assert runs(shop, "only", second) == [], "a rollout moves nothing"
    told = shop.succeed("remove", remove="shop", limit=first)
    assert f"{second} runs what runs once in the fleet now" in told
    time.sleep(3)
    # The application's data has stayed, with the notes.
    before, after = runs(shop, "only", first), runs(shop, "only", second)
    print(
        f"{len(before)} runs on {first}, then {len(after)} on {second}; "
        f"{after[0].began - before[-1].ended:.1f} s between"
    )
    assert overlaps([*before, *after]) == []
    assert before[-1].ended < after[0].began


def test_nothing_of_it_is_left_where_it_was_removed(shop: Shop) -> None:
    left = shop.shell(
        "ls -d /etc/systemd/system/*shop* /etc/systemd/system/*/*shop* /run/shop "
        "/var/lib/systemd/timers/*shop* /var/lib/shop/singletons 2>/dev/null || true"
    )
    assert left == ""
    assert shop.shell("systemctl list-units --all --plain --no-legend 'shop@*'") == ""
