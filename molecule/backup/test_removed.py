"""What a removal leaves of the backups; the last test of the session."""

from __future__ import annotations

from fleet import Fleet
from seen import HOME, kept


def test_removal_leaves_the_backups_unless_told(fleet: Fleet) -> None:
    fleet.deploy()
    told = fleet.succeed("remove", "-e", "remove=shop")
    assert f"{HOME}: its backups" in told
    left = "ls -d /etc/systemd/system/shop-backup.* /var/lib/shop/backup.* 2>/dev/null; true"
    for host in ("op1", "op2"):
        assert fleet.shop.shell(left, host) == ""
    assert kept(fleet)
    fleet.succeed("remove", "-e", "remove=shop", "-e", "remove_data=true")
    for host in ("op1", "op2"):
        assert fleet.shop.shell(f"ls -d {HOME} 2>/dev/null; true", host) == ""
