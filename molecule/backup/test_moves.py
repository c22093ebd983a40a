"""The timer of the backups is on one host, and moves when that leaves, as what runs once does."""

from __future__ import annotations

import pytest
import yaml
from fleet import Fleet
from seen import makers, record

MOVED = "runs what runs once in the fleet now"


@pytest.fixture(scope="module", autouse=True)
def as_in_the_inventory(fleet: Fleet) -> None:
    """Whatever the tests before have left: what runs, and a last backup that is good."""
    fleet.succeed("deploy")
    fleet.succeed("backup")


def test_drained_host_gives_it_to_the_other_and_does_not_get_it_back(fleet: Fleet) -> None:
    assert makers(fleet) == ["op1"]
    told = fleet.succeed("drain", "--limit", "op1")
    assert f"op2 {MOVED}" in told
    assert makers(fleet) == ["op2"]
    # By hand, it is made where the timer is.
    told = fleet.succeed("backup")
    assert "op2: the last good backup of shop is " in told
    assert record(fleet, "op2")["good"]["by"] != "the timer"
    fleet.succeed("undrain", "--limit", "op1")
    assert makers(fleet) == ["op2"]
    assert "verified: " in fleet.succeed("verify")


def test_limit_makes_one_on_another_host_and_moves_nothing(fleet: Fleet) -> None:
    before = record(fleet, "op1")["last_good"]
    told = fleet.succeed("backup", "--limit", "op1")
    assert "op1: the last good backup of shop is " in told
    assert record(fleet, "op1")["last_good"] > before
    assert makers(fleet) == ["op2"]


def test_rollout_leaves_it_where_it_is(fleet: Fleet) -> None:
    fleet.succeed("restart")
    assert makers(fleet) == ["op2"]


def test_patch_moves_it_from_each_host_that_it_drains(fleet: Fleet) -> None:
    told = fleet.succeed("patch", "-e", "patch_reboot=never")
    assert f"op1 {MOVED}" in told
    assert makers(fleet) == ["op1"]


def test_verify_finds_no_timer_and_a_second_one(fleet: Fleet) -> None:
    unit = "shop-backup.timer"
    fleet.shop.shell(f"systemctl disable --now {unit}", "op1")
    assert "no timer makes backups of shop between releases" in fleet.fail("verify")
    fleet.shop.shell(f"systemctl enable --now {unit}", "op1")
    fleet.shop.shell(f"systemctl enable --now {unit}", "op2")
    told = fleet.fail("verify")
    assert "op2: a timer makes backups of shop here, and one on op1" in told
    # As it says there.
    fleet.deploy()
    assert makers(fleet) == ["op1"]
    assert "verified: " in fleet.succeed("verify")


def test_host_that_is_out_of_the_inventory_has_a_successor(fleet: Fleet) -> None:
    path = fleet.inventory / "hosts.yml"
    before = path.read_text("utf-8")
    inventory = yaml.safe_load(before)
    del inventory["app"]["hosts"]["op1"]
    fleet.shop.shell("systemctl disable --now shop-backup.timer", "op1")
    try:
        path.write_text(yaml.safe_dump(inventory), encoding="utf-8")
        fleet.succeed("restart")
        assert makers(fleet) == ["op2"]
    finally:
        path.write_text(before, encoding="utf-8")
    # It is back, and both have been told that they have it: the first keeps it.
    fleet.succeed("restart")
    assert makers(fleet) == ["op1"]


def test_removed_host_gives_it_to_the_other(fleet: Fleet) -> None:
    told = fleet.succeed("remove", "--limit", "op1", "-e", "remove=shop")
    assert f"op2 {MOVED}" in told
    left = "ls -d /etc/systemd/system/*/shop-backup.* /etc/systemd/system/shop-backup.*"
    assert fleet.shop.shell(f"{left} 2>/dev/null; true", "op1") == ""
    assert fleet.shop.shell("systemctl is-active shop-backup.timer", "op2") == "active"
    assert fleet.shop.shell("systemctl is-enabled shop-backup.timer", "op2") == "enabled"
