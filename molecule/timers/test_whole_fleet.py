"""Timers that only one host of the fleet runs: they move when it leaves, and never run twice."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from events import ROOT, Shop
from recorder import (
    FIRST,
    HOSTS,
    SCENARIO,
    SECOND,
    elapsing,
    forget,
    overlaps,
    runs,
    unfinished,
)

#: Seconds between two runs of each.
ONCE = {"only": 1, "alone": 6}
#: Seconds for which none may run at a move: a run is waited for, and both hosts are asked.
MOVE_SECONDS = 30


def homes(shop: Shop) -> list[str]:
    """Return the hosts that have them elapse."""
    found = [elapsing(shop, host) & ONCE.keys() for host in HOSTS]
    assert all(names in (set(), ONCE.keys()) for names in found), found
    return [host for host, names in zip(HOSTS, found, strict=True) if names]


@pytest.fixture(scope="module", autouse=True)
def started(shop: Shop) -> float:
    """When these tests began (Unix time): nothing of before counts."""
    shop.succeed("release")
    if homes(shop) == [SECOND]:
        # As a former session on the same hosts has left it.
        shop.succeed("drain", limit=SECOND)
        shop.succeed("undrain", limit=SECOND)
    assert homes(shop) == [FIRST]
    forget(shop)
    return time.time()


def test_drain_moves_them(shop: Shop) -> None:
    told = shop.succeed("drain", limit=FIRST)
    assert f"{SECOND} runs what runs once in the fleet now" in told
    assert homes(shop) == [SECOND]
    table = shop.succeed("status")
    line = next(line for line in table.splitlines() if "shop: timer only:" in line)
    print(line)
    assert line.partition(" on ")[2].startswith(f"{SECOND};")
    # They are there, and the next drain has nothing to move.
    assert "runs what runs once" not in shop.succeed("drain", limit=FIRST)
    assert homes(shop) == [SECOND]


def test_release_leaves_them_where_they_are(shop: Shop) -> None:
    shop.variables["app_source"] = shop.new_version()
    shop.succeed("release")
    assert homes(shop) == [SECOND]


def test_host_that_has_left_the_inventory_has_none(shop: Shop, tmp_path: Path) -> None:
    """It was drained before, as docs/processes.md asks for."""
    inventory = yaml.safe_load((SCENARIO / "inventory/hosts.yml").read_text("utf-8"))
    del inventory["app"]["hosts"][FIRST]
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump(inventory), encoding="utf-8")
    rest = replace(shop, inventory=tmp_path / "hosts.yml")
    shop.variables["app_source"] = shop.new_version()
    rest.succeed("release")
    assert homes(shop) == [SECOND]
    assert "elapses on" not in rest.play("verify").stdout
    # And one that comes back takes none away.
    shop.succeed("release")
    assert homes(shop) == [SECOND]


def test_host_that_returns_leaves_them_where_they_are(shop: Shop) -> None:
    shop.succeed("undrain", limit=FIRST)
    assert homes(shop) == [SECOND]


def test_patch_moves_them_off_each_host_before_its_reboot(shop: Shop) -> None:
    shop.succeed("patch", patch_reboot="always")
    # Off the second, which was patched last; the first had them no more when its turn came.
    assert homes(shop) == [FIRST]


def test_drain_that_was_killed_is_completed_by_the_next(shop: Shop) -> None:
    process = subprocess.Popen(
        shop.command("drain", limit=FIRST),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if "singletons | Ask the other hosts" in line:
            break
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert homes(shop) == [], "it was killed too late"
    told = shop.play("verify").stdout
    assert "the timer only elapses on no host; expected one host of shop; to do: " in told
    assert f"{SECOND} runs what runs once in the fleet now" in shop.succeed("drain", limit=FIRST)
    assert homes(shop) == [SECOND]
    shop.succeed("undrain", limit=FIRST)


def test_drain_of_the_whole_fleet_leaves_none_and_its_end_one(shop: Shop) -> None:
    shop.succeed("drain", drain_last=True)
    assert homes(shop) == []
    shop.succeed("undrain")
    assert homes(shop) == [FIRST]


def test_they_move_when_their_host_is_removed(shop: Shop) -> None:
    shop.succeed("restart")
    assert homes(shop) == [FIRST], "a rollout moves nothing"
    told = shop.succeed("remove", remove="shop", limit=FIRST)
    assert f"{SECOND} runs what runs once in the fleet now" in told
    assert elapsing(shop, FIRST) == set()
    assert homes(shop) == [SECOND]


def test_nothing_of_them_is_left_where_it_was_removed(shop: Shop) -> None:
    left = shop.shell(
        "ls -d /etc/systemd/system/*shop* /etc/systemd/system/*/*shop* /run/shop "
        "/var/lib/systemd/timers/*shop* /var/lib/shop/singletons 2>/dev/null || true",
        FIRST,
    )
    assert left == ""
    assert shop.shell("systemctl list-units --all --plain --no-legend 'shop@*'", FIRST) == ""


@pytest.mark.parametrize("name", sorted(ONCE))
def test_over_all_of_this_no_two_hosts_ran_one_at_once(
    shop: Shop, name: str, started: float
) -> None:
    # The application's data has stayed, with the notes.
    found = sorted(
        ((run, host) for host in HOSTS for run in runs(shop, name, host)),
        key=lambda one: one[0].began,
    )
    assert overlaps([run for run, _host in found]) == []
    moves = [
        (before.ended, after.began, where)
        for (before, at), (after, where) in pairwise(found)
        if at != where
    ]
    for ended, began, where in moves:
        print(f"{name}: to {where} at {began - started:.0f} s, {began - ended:.1f} s without")
    # By drain, patch, the drain that was killed, that of all hosts, and the removal.
    assert [where for _ended, _began, where in moves] == [SECOND, FIRST, SECOND, FIRST, SECOND]
    gaps = [began - ended for ended, began, _where in moves]
    assert max(gaps[0], gaps[1], gaps[4]) < MOVE_SECONDS
    # None was cut short: a run that goes on is waited for.
    left = [one for host in HOSTS for one in unfinished(shop, name, host)]
    assert [moment for _release, moment in left if time.time() - moment > ONCE[name]] == []
