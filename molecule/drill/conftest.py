"""A fleet of two hosts, deployed once for the whole session; the second has a small disk."""

from __future__ import annotations

from pathlib import Path

import pytest
from events import Shop

INVENTORY = Path(__file__).parent / "inventory"
#: The releases on a file system of their own: a full one must not fill that of this machine.
SMALL_DISK = """
    set -e
    mountpoint -q /opt/shop/releases && exit
    mount -t tmpfs -o size=600M,mode=755 tmpfs /mnt
    cp -a /opt/shop/releases/. /mnt
    chown --reference=/opt/shop/releases /mnt
    mount --bind /mnt /opt/shop/releases
    umount /mnt
    """


@pytest.fixture(scope="session")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where scorecards and the records of rollouts go."""
    return tmp_path_factory.mktemp("reports")


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory, reports: Path) -> Shop:
    """The deployed application."""
    folder = tmp_path_factory.mktemp("shop")
    shop = Shop.connected(folder, INVENTORY, "drill1")
    shop.variables["fleet_report_directory"] = str(reports)
    shop.succeed("deploy")
    shop.shell(SMALL_DISK, "drill2")
    return shop
