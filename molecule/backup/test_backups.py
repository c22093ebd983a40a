"""Backups before a migration and between releases: made, read, and refused when they are none.

The tests build on each other, in this order.
"""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable

from fleet import VARIABLES, Fleet

#: What the inventory of this scenario has.
SECRET = "the-token-of-the-backup"
HOME = "/var/backups/shop"
RECORD = "/var/lib/shop/backup.json"
FOLDER = re.compile(r"/var/backups/shop/[0-9]{8}T[0-9]{6}Z")


def eventually(holds: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, holds
        time.sleep(0.5)


def aged(fleet: Fleet, seconds: int) -> None:
    """Have the last good backup be older than it is."""
    script = f"""python3 - <<'END'
import json
path = "{RECORD}"
found = json.load(open(path))
for one in (found["good"], found["last"]):
    one["began"] -= {seconds}
found["last_good"] = found["good"]["began"]
json.dump(found, open(path, "w"))
END"""
    fleet.shop.shell(script, "bk1")


def kept(fleet: Fleet) -> list[str]:
    return fleet.shop.shell(f"ls -A {HOME} | grep -v asgi", "bk1").split()


def test_first_release_has_made_a_backup_that_can_be_read(fleet: Fleet) -> None:
    record = fleet.record()
    good = record["good"]
    assert (good["good"], good["status"], good["check"], good["problem"]) == (True, 0, 0, "")
    assert record["last_good"] == good["began"]
    assert record["last"] == good
    assert "(rollout 2" in good["by"]
    assert FOLDER.fullmatch(good["folder"])
    assert fleet.shop.shell(f"stat -c '%U %a' {HOME} {good['folder']}", "bk1").split("\n") == [
        "root 750",
        "shop 700",
    ]
    assert fleet.shop.shell(f"stat -c %a {RECORD}", "bk1") == "644"


def test_timer_is_on_the_first_host_alone(fleet: Fleet) -> None:
    state = "systemctl is-enabled shop-backup.timer; systemctl is-active shop-backup.timer; true"
    assert fleet.shop.shell(state, "bk1").split() == ["enabled", "active"]
    assert "enabled" not in fleet.shop.shell(state, "bk2")
    assert fleet.shop.shell("ls /etc/systemd/system/shop-backup.* 2>/dev/null; true", "bk2") == ""


def test_second_run_changes_nothing_and_fresh_one_is_not_made_again(fleet: Fleet) -> None:
    before, migrated = fleet.record(), fleet.migrations()
    told = fleet.succeed("deploy")
    assert re.search(r"bk1 +: ok=\d+ +changed=0", told), told[-2000:]
    fleet.new_release()
    told = fleet.succeed("release")
    assert "shop: no backup is made: that of bk1 is " in told
    assert "fresh enough" in told
    assert fleet.record() == before
    assert fleet.migrations() == migrated + 1


def test_old_one_is_made_again_before_the_migration(fleet: Fleet) -> None:
    aged(fleet, 7200)
    before, migrated = fleet.record(), fleet.migrations()
    fleet.new_release()
    would = fleet.succeed("release", "--check")
    assert "shop: a backup would be made on bk1 and checked, before the migration" in would
    assert fleet.record() == before
    told = fleet.succeed("release")
    assert (
        "a backup is made on bk1 and checked, before the migration: the last good one is 2 h"
        in told
    )
    assert "at the migration, made for it" in told
    after = fleet.record()["good"]
    assert after["began"] > before["last_good"]
    # With the code that was live, which knew the data as they were.
    assert after["release"] != fleet.live()
    assert fleet.migrations(f"{after['folder']}/notes.sqlite3") == migrated
    assert fleet.migrations() == migrated + 1


def test_failed_backup_refuses_the_migration_and_nothing_changes(fleet: Fleet) -> None:
    aged(fleet, 7200)
    before, live, migrated = fleet.record(), fleet.live(), fleet.migrations()
    fleet.new_release()
    with fleet.having(command='echo "no way with $API_TOKEN"; touch "$BACKUP_DIRECTORY/x"; exit 3'):
        told = fleet.fail("release")
        listed = fleet.succeed("backup", "-e", "backup_list=true")
        verified = fleet.fail("verify")
    assert "failed: exit status 3. The end of its output:" in told
    assert "no way with <API_TOKEN>" in told
    assert "-e skip_backup=shop" in told
    assert SECRET not in told + listed + verified
    assert fleet.live() == live
    assert fleet.migrations() == migrated
    after = fleet.record()
    assert (after["good"], after["last_good"]) == (before["good"], before["last_good"])
    assert (after["last"]["good"], after["last"]["status"]) == (False, 3)
    assert SECRET not in fleet.shop.shell(f"cat {RECORD}", "bk1")
    assert "no way with <API_TOKEN>" in listed
    assert "the last backup of shop failed" in verified
    # A failed one leaves nothing.
    assert all(re.fullmatch(r"[0-9]{8}T[0-9]{6}Z", name) for name in kept(fleet))


def test_backup_that_cannot_be_read_is_none(fleet: Fleet) -> None:
    live, good, migrated = fleet.live(), fleet.record()["last_good"], fleet.migrations()
    with fleet.having(command='echo torn >"$BACKUP_DIRECTORY/notes.sqlite3"'):
        told = fleet.fail("release")
    assert "no backup of shop: its check " in told
    assert fleet.live() == live
    assert (fleet.record()["last_good"], fleet.record()["last"]["check"] != 0) == (good, True)
    assert fleet.migrations() == migrated


def test_operator_may_go_on_without_one_and_that_is_remembered(fleet: Fleet) -> None:
    migrated = fleet.migrations()
    told = fleet.fail("release", "-e", "skip_backup=blog")
    assert "skip_backup is blog; expected the app_name of an application of this run" in told
    told = fleet.succeed("release", "-e", "skip_backup=shop")
    assert "migrates without a backup (-e skip_backup=shop)" in told
    assert "shop: MIGRATED WITHOUT A BACKUP, by " in told
    assert fleet.migrations() == migrated + 1
    records = fleet.shop.shell("cat $(ls -d /var/lib/shop/rollouts/*.json | tail -n 1)", "bk2")
    assert '"skipped_by":"' in records


def test_verify_names_an_old_one_and_a_new_one_settles_it(fleet: Fleet) -> None:
    told = fleet.succeed("backup")
    assert "bk1: the last good backup of shop is " in told
    assert "verified: " in fleet.succeed("verify")
    aged(fleet, 30 * 3600)
    told = fleet.fail("verify")
    assert "the last good backup of shop is 30 h old; expected at most 26 h" in told
    fleet.succeed("backup")
    assert "verified: " in fleet.succeed("verify")
    assert "the last good backup of shop is " in fleet.succeed("status")


def test_timer_makes_one_with_the_code_that_is_live(fleet: Fleet) -> None:
    before = fleet.record()["last_good"]
    old = " ".join(f"{HOME}/2020010{day}T000000Z" for day in range(1, 5))
    fleet.shop.shell(f"mkdir -p {old}", "bk1")
    # As its timer starts it, and without a controller.
    fleet.shop.shell("systemctl start shop-backup.service", "bk1")
    good = fleet.record()["good"]
    assert good["began"] >= before
    assert (good["by"], good["release"]) == ("the timer", fleet.live())
    # No more than app_backup.keep, the newest.
    assert len(kept(fleet)) == 3
    assert good["folder"] == f"{HOME}/{kept(fleet)[-1]}"


def test_timer_elapses_as_the_inventory_says(fleet: Fleet) -> None:
    before = fleet.record()["last_good"]
    with fleet.having(schedule="*:*:0/5"):
        fleet.succeed("restart")
    eventually(lambda: fleet.record()["last_good"] > before, 90)
    assert fleet.record()["good"]["by"] == "the timer"
    fleet.succeed("restart")
    assert "OnCalendar=daily" in fleet.shop.shell(
        "cat /etc/systemd/system/shop-backup.timer", "bk1"
    )


def test_controller_that_is_killed_leaves_a_whole_backup(fleet: Fleet) -> None:
    aged(fleet, 7200)
    before, live = fleet.record()["last_good"], fleet.live()
    fleet.new_release()
    with fleet.having(command=f"sleep 8; {VARIABLES['app_backup']['command']}"):
        run = fleet.start("release")
        running = "systemctl is-active asgi-fleet-shop-backup.service; true"
        eventually(lambda: fleet.shop.shell(running, "bk1") in ("active", "activating"), 120)
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
        eventually(lambda: fleet.record()["last_good"] > before, 60)
        assert fleet.live() == live
        told = fleet.succeed("release", "-e", "fleet_take_over_lock=true")
    assert "shop: no backup is made: that of bk1 is " in told
    assert fleet.live() != live


def test_removal_leaves_the_backups_unless_told(fleet: Fleet) -> None:
    told = fleet.succeed("remove", "-e", "remove=shop")
    assert f"{HOME}: its backups" in told
    left = "ls -d /etc/systemd/system/shop-backup.* /var/lib/shop/backup.* 2>/dev/null; true"
    assert fleet.shop.shell(left, "bk1") == ""
    assert kept(fleet)
    fleet.succeed("remove", "-e", "remove=shop", "-e", "remove_data=true")
    assert fleet.shop.shell(f"ls -d {HOME} 2>/dev/null; true", "bk1") == ""
