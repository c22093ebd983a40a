"""The hosts, the ACME server beside them, and the load, for the whole session."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from events import Load, Shop
from pebble import HOSTS, Directory, Renewals


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """The deployed application."""
    inventory = Path(__file__).parent / "inventory"
    return Shop.connected(tmp_path_factory.mktemp("shop"), inventory, "acme-trixie")


@pytest.fixture(scope="session")
def directory(shop: Shop) -> Directory:
    """The ACME server."""
    found = Directory(shop)
    found.trust()
    return found


@pytest.fixture(scope="session")
def renewals(shop: Shop) -> Renewals:
    """The renewal on the hosts."""
    return Renewals(shop)


@pytest.fixture
def load(shop: Shop, directory: Directory) -> Iterator[Load]:
    """HTTP/1.1, HTTP/2, WebSockets and event streams, to the host with trixie."""
    assert directory.known()
    running = Load(shop, rate=100)
    running.start()
    yield running
    if running.process is not None:
        running.end()


@pytest.fixture(params=HOSTS)
def host(request: pytest.FixtureRequest) -> str:
    """Each host in turn."""
    name: str = request.param
    return name
