"""The application with all that it may run, and those who use it."""

from __future__ import annotations

from pathlib import Path

import pytest
from events import Shop
from queues import Queue
from recorder import timer

SCENARIO = Path(__file__).parent
#: Each second, and each five seconds for three of them.
TIMERS = [timer("tick", 0.2), timer("long", 3, "*:*:0/5")]


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """The host, deployed to."""
    folder, inventory = tmp_path_factory.mktemp("together"), SCENARIO / "inventory"
    first = Shop.connected(folder, inventory, "together1")
    first.variables["app_timers"] = TIMERS
    first.succeed("deploy")
    shop = Shop.found(folder, inventory, "together1")
    shop.variables.update(first.variables)
    return shop


@pytest.fixture(scope="session")
def queue(shop: Shop) -> Queue:
    """The queue, and those who give it work."""
    return Queue(shop)
