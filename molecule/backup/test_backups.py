"""Backups before a migration and between releases: made, read, and refused when they are none.

The tests build on each other, in this order. The first have what docs/backups.md shows for SQLite.
"""

from __future__ import annotations

import json
import os
import re
import signal
import time
from shlex import quote

import pytest
from documented import restore_sqlite
from fleet import Fleet
from seen import (
    BACKUP,
    HOME,
    RECORD,
    aged,
    eventually,
    kept,
    makers,
    migrations,
    record,
    sqlite,
)

#: What the inventory of this scenario has.
SECRET = "the-token-of-the-backup"
FOLDER = re.compile(r"/var/backups/shop/[0-9]{8}T[0-9]{6}Z")
#: A page in the middle of the copy is not what it was; its header is.
CORRUPT = (
    'dd if=/dev/urandom of="$BACKUP_DIRECTORY/shop.sqlite3" bs=4096 seek=1 count=1 conv=notrunc'
)


def test_first_release_has_made_a_backup_that_can_be_read(fleet: Fleet) -> None:
    found = record(fleet)
    good = found["good"]
    assert (good["good"], good["status"], good["check"], good["problem"]) == (True, 0, 0, "")
    assert found["last_good"] == good["began"]
    assert found["last"] == good
    assert "(rollout 2" in good["by"]
    assert FOLDER.fullmatch(good["folder"])
    assert fleet.shop.shell(f"stat -c '%U %a' {HOME} {good['folder']}", "op1").split("\n") == [
        "root 750",
        "shop 700",
    ]
    assert fleet.shop.shell(f"stat -c %a {RECORD}", "op1") == "644"


def test_timer_elapses_on_one_host_alone(fleet: Fleet) -> None:
    assert makers(fleet) == ["op1"]
    for host in ("op1", "op2"):
        unit = fleet.shop.shell("cat /etc/systemd/system/shop-backup.timer", host)
        assert "\nOnCalendar=hourly\n" in unit


def test_metrics_tell_when_the_last_good_one_began(fleet: Fleet) -> None:
    asked = "curl --silent --show-error --fail http://127.0.0.1:9464/metrics"
    lines = fleet.shop.shell(asked, "op1").splitlines()
    (line,) = (line for line in lines if line.startswith("asgi_fleet_backup_timestamp_seconds{"))
    assert float(line.split()[-1]) == record(fleet)["last_good"]
    assert "asgi_fleet_backup_timestamp_seconds{" not in fleet.shop.shell(asked, "op2")


def test_second_run_changes_nothing_and_fresh_one_is_not_made_again(fleet: Fleet) -> None:
    before, migrated = record(fleet), migrations(fleet)
    told = fleet.deploy()
    assert re.search(r"op1 +: ok=\d+ +changed=0", told), told[-2000:]
    assert re.search(r"op2 +: ok=\d+ +changed=0", told), told[-2000:]
    fleet.set(app_backup=BACKUP)
    fleet.change_app()
    told = fleet.succeed("release")
    assert "shop: no backup is made: that of op1 is " in told
    assert "fresh enough" in told
    assert record(fleet) == before
    assert migrations(fleet) == migrated + 1


def test_old_one_is_made_again_before_the_migration(fleet: Fleet) -> None:
    aged(fleet, 7200)
    before, migrated = record(fleet), migrations(fleet)
    fleet.change_app()
    would = fleet.succeed("release", "--check")
    assert "shop: a backup would be made on op1 and checked, before the migration" in would
    assert record(fleet) == before
    told = fleet.succeed("release")
    assert (
        "a backup is made on op1 and checked, before the migration: the last good one is 2 h"
        in told
    )
    assert "at the migration, made for it" in told
    after = record(fleet)["good"]
    assert after["began"] > before["last_good"]
    # With the code that was live, which knew the data as they were.
    assert after["release"] != fleet.live()
    assert migrations(fleet, f"{after['folder']}/shop.sqlite3") == migrated
    assert migrations(fleet) == migrated + 1


def test_failed_backup_refuses_the_migration_and_nothing_changes(fleet: Fleet) -> None:
    aged(fleet, 7200)
    before, live, migrated = record(fleet), fleet.live(), migrations(fleet)
    fleet.change_app()
    bad = {"command": 'echo "no way with $API_TOKEN"; touch "$BACKUP_DIRECTORY/x"; exit 3'}
    with fleet.having(app_backup=BACKUP | bad):
        told = fleet.fail("release")
        listed = fleet.succeed("backup", "-e", "backup_list=true")
        verified = fleet.fail("verify")
    assert "failed: exit status 3. The end of its output:" in told
    assert "no way with <API_TOKEN>" in told
    assert "-e skip_backup=shop" in told
    assert SECRET not in told + listed + verified
    assert fleet.live() == live
    assert migrations(fleet) == migrated
    after = record(fleet)
    assert (after["good"], after["last_good"]) == (before["good"], before["last_good"])
    assert (after["last"]["good"], after["last"]["status"]) == (False, 3)
    assert SECRET not in fleet.shop.shell(f"cat {RECORD}", "op1")
    assert "no way with <API_TOKEN>" in listed
    assert "the last backup of shop failed" in verified
    # A failed one leaves nothing.
    assert all(re.fullmatch(r"[0-9]{8}T[0-9]{6}Z", name) for name in kept(fleet))


@pytest.mark.parametrize(
    "command",
    [
        pytest.param('echo torn >"$BACKUP_DIRECTORY/shop.sqlite3"', id="no database"),
        pytest.param(f"{BACKUP['command']}; {CORRUPT}", id="a page that is not what it was"),
    ],
)
def test_backup_that_cannot_be_read_is_none(fleet: Fleet, command: str) -> None:
    live, good, migrated = fleet.live(), record(fleet)["last_good"], migrations(fleet)
    before = kept(fleet)
    with fleet.having(app_backup=BACKUP | {"command": command}):
        told = fleet.fail("release")
    assert "no backup of shop: its check " in told
    assert fleet.live() == live
    last = record(fleet)["last"]
    assert (record(fleet)["last_good"], last["status"]) == (good, 0)
    assert last["check"] not in (0, None)
    assert kept(fleet) == before
    assert migrations(fleet) == migrated


def test_operator_may_go_on_without_one_and_that_is_remembered(fleet: Fleet) -> None:
    migrated = migrations(fleet)
    told = fleet.fail("release", "-e", "skip_backup=blog")
    assert "skip_backup is blog; expected the app_name of an application of this run" in told
    told = fleet.succeed("release", "-e", "skip_backup=shop")
    assert "migrates without a backup (-e skip_backup=shop)" in told
    assert "shop: MIGRATED WITHOUT A BACKUP, by " in told
    assert migrations(fleet) == migrated + 1
    records = fleet.shop.shell("cat $(ls -d /var/lib/shop/rollouts/*.json | tail -n 1)", "op2")
    assert '"skipped_by":"' in records


def test_verify_names_an_old_one_and_a_new_one_settles_it(fleet: Fleet) -> None:
    told = fleet.succeed("backup")
    assert "op1: the last good backup of shop is " in told
    assert "verified: " in fleet.succeed("verify")
    aged(fleet, 30 * 3600)
    told = fleet.fail("verify")
    assert "the last good backup of shop is 30 h old; expected at most 3 h" in told
    fleet.succeed("backup")
    assert "verified: " in fleet.succeed("verify")
    assert "the last good backup of shop is " in fleet.succeed("status")


def test_it_comes_back_as_the_page_says(fleet: Fleet) -> None:
    migrated = migrations(fleet)
    folder = record(fleet)["good"]["folder"]
    sqlite(fleet, "DELETE FROM migrations_log")
    assert migrations(fleet) == 0
    command = {"command": f"sh -c {quote(restore_sqlite(folder))}"}
    fleet.succeed("run", "--limit", "op1", "-e", json.dumps(command))
    assert migrations(fleet) == migrated


def test_timer_makes_one_with_the_code_that_is_live(fleet: Fleet) -> None:
    before = record(fleet)["last_good"]
    old = " ".join(f"{HOME}/2020010{day}T000000Z" for day in range(1, 5))
    fleet.shop.shell(f"mkdir -p {old}", "op1")
    # As its timer starts it, and without a controller.
    fleet.shop.shell("systemctl start shop-backup.service", "op1")
    good = record(fleet)["good"]
    assert good["began"] >= before
    assert (good["by"], good["release"]) == ("the timer", fleet.live())
    # No more than app_backup.keep, the newest.
    assert len(kept(fleet)) == 3
    assert good["folder"] == f"{HOME}/{kept(fleet)[-1]}"


def test_timer_elapses_as_the_inventory_says(fleet: Fleet) -> None:
    before = record(fleet)["last_good"]
    with fleet.having(app_backup=BACKUP | {"schedule": "*:*:0/5"}):
        fleet.succeed("restart")
    eventually(lambda: record(fleet)["last_good"] > before, 90)
    assert record(fleet)["good"]["by"] == "the timer"
    fleet.succeed("restart")
    unit = fleet.shop.shell("cat /etc/systemd/system/shop-backup.timer", "op1")
    assert "\nOnCalendar=yearly\n" in unit
    # Nothing of the new schedule is made up for.
    after = record(fleet)["last_good"]
    time.sleep(6)
    assert record(fleet)["last_good"] == after


def test_controller_that_is_killed_leaves_a_whole_backup(fleet: Fleet) -> None:
    aged(fleet, 7200)
    before, live = record(fleet)["last_good"], fleet.live()
    fleet.change_app()
    with fleet.having(app_backup=BACKUP | {"command": f"sleep 8; {BACKUP['command']}"}):
        run = fleet.start("release")
        running = "systemctl is-active asgi-fleet-shop-backup.service; true"
        eventually(lambda: fleet.shop.shell(running, "op1") in ("active", "activating"), 120)
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
        eventually(lambda: record(fleet)["last_good"] > before, 60)
        assert fleet.live() == live
        told = fleet.succeed("release", "-e", "fleet_take_over_lock=true")
    assert "shop: no backup is made: that of op1 is " in told
    assert fleet.live() != live
