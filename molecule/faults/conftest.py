"""The host, and a light load for the whole session."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from events import Load, Shop
from runs import wait_for_drain

#: Requests a second: what fails is counted, and the two cores are left to the releases.
RATE = 50


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """The deployed application."""
    inventory = Path(__file__).parent / "inventory"
    return Shop.found(tmp_path_factory.mktemp("shop"), inventory, "faults")


@pytest.fixture(scope="session")
def load(shop: Shop) -> Iterator[Load]:
    """Requests of every kind, for as long as the session lasts."""
    running = Load(shop, rate=RATE)
    running.start()
    yield running
    if running.process is not None:
        running.end()


@pytest.fixture(autouse=True)
def drained(shop: Shop) -> None:
    """Begin with the live slot alone: what it replaced may still be draining."""
    wait_for_drain(shop)
