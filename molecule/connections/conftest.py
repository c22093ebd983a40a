"""The host with its database and its application."""

from __future__ import annotations

from pathlib import Path

import pytest
from events import Shop

SCENARIO = Path(__file__).parent
#: What app_connections has: the limit, less what is left for others.
ALLOWED = 17
#: The application's account may have no more than that; the superuser, who looks on, has his own.
DATABASE = f"""
apt-get install --yes --quiet --no-install-recommends postgresql >/dev/null
cd /
runuser -u postgres -- createuser --connection-limit={ALLOWED} shop
runuser -u postgres -- createdb --owner=shop shop
"""


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """The host, deployed once for the whole session."""
    folder = tmp_path_factory.mktemp("connections")
    inventory = SCENARIO / "inventory"
    shop = Shop.connected(folder, inventory, "connections1")
    shop.shell(DATABASE)
    shop.succeed("deploy")
    return Shop.found(folder, inventory, "connections1")
