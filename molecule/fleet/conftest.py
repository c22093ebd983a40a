"""The hosts and the load of the events, for the whole session."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from events import Load, Shop


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """The deployed application."""
    inventory = Path(__file__).parent / "inventory"
    return Shop.found(tmp_path_factory.mktemp("shop"), inventory, "fleet-balancer")


@pytest.fixture(scope="session")
def load(shop: Shop) -> Iterator[Load]:
    """Requests of every kind, for as long as the session lasts."""
    running = Load(shop, rate=180)
    running.start()
    yield running
    if running.process is not None:
        running.end()
