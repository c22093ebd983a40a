"""The application with a queue on its two hosts, deployed once for the whole session."""

from __future__ import annotations

from pathlib import Path

import pytest
from events import Shop
from queues import Queue

SCENARIO = Path(__file__).parent


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """The hosts, deployed to."""
    folder, inventory = tmp_path_factory.mktemp("shop"), SCENARIO / "inventory"
    Shop.connected(folder, inventory, "queue1").succeed("deploy")
    return Shop.found(folder, inventory, "queue1")


@pytest.fixture(scope="session")
def queue(shop: Shop) -> Queue:
    """The queue of `queue1`, and its load."""
    return Queue(shop)
