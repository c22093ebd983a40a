"""The fleet, as it is seen through each of its balancers."""

from __future__ import annotations

from pathlib import Path

import pytest
from events import ROOT, Shop

BALANCERS = ("balancer-bookworm", "balancer-trixie")
#: Pebble's own root, which nobody else trusts.
PEBBLE = ROOT / ".cache" / "acme_balancer" / "root.pem"


@pytest.fixture(scope="session", params=BALANCERS)
def front(request: pytest.FixtureRequest) -> str:
    """The balancer that visitors use."""
    return str(request.param)


@pytest.fixture(scope="session")
def shop(front: str, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """The fleet behind it, whose certificate comes from Pebble."""
    folder = tmp_path_factory.mktemp(front)
    shop = Shop.connected(folder, Path(__file__).parent / "inventory", front)
    (folder / "ca.pem").write_bytes(PEBBLE.read_bytes())
    return shop
