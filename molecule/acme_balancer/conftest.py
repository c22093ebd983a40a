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
def shops(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Shop]:
    """The fleet behind each balancer, whose certificates come from Pebble."""
    found = {}
    for front in BALANCERS:
        folder = tmp_path_factory.mktemp(front)
        found[front] = Shop.connected(folder, Path(__file__).parent / "inventory", front)
        (folder / "ca.pem").write_bytes(PEBBLE.read_bytes())
    return found


@pytest.fixture(scope="session")
def shop(front: str, shops: dict[str, Shop]) -> Shop:
    """The fleet behind one of them."""
    return shops[front]
