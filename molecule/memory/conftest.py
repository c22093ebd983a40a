"""The host, with the sample application as it is, and visitors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from events import Load, Shop

SCENARIO = Path(__file__).parent


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """The host, deployed once for the whole session."""
    folder = tmp_path_factory.mktemp("memory")
    inventory = SCENARIO / "inventory"
    Shop.connected(folder, inventory, "memory1").succeed("deploy")
    return Shop.found(folder, inventory, "memory1")


@pytest.fixture
def load(shop: Shop) -> Iterator[Load]:
    """Visitors, who have not come yet."""
    visitors = Load(shop, rate=100)
    yield visitors
    if visitors.process is not None:
        visitors.end()
