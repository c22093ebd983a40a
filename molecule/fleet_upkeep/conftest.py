"""The hosts and the load of the events, for the whole session."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from events import Load, Shop

#: Of the tests in test_certificates.py.
AUTHORITIES = ("former-ca", "present-ca")


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """The deployed application."""
    inventory = Path(__file__).parent / "inventory"
    shop = Shop.found(tmp_path_factory.mktemp("shop"), inventory, "upkeep-balancer")
    # The visitors trust what the fleet is to have, as people do who were told before.
    with (shop.folder / "ca.pem").open("a", encoding="utf-8") as trusted:
        for name in AUTHORITIES:
            trusted.write(f"\n{make_authority(shop.folder, name)}")
    return shop


def make_authority(folder: Path, name: str) -> str:
    """Make an authority in a folder, as `<name>.pem` and `<name>.key`; return its certificate."""
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 90 "
        f"-subj /CN={name} -addext keyUsage=critical,keyCertSign "
        f"-keyout {folder}/{name}.key -out {folder}/{name}.pem"
    )
    subprocess.run(command.split(), check=True, capture_output=True)
    return (folder / f"{name}.pem").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def load(shop: Shop) -> Iterator[Load]:
    """Requests of every kind, for as long as the session lasts."""
    running = Load(shop, rate=180)
    running.start()
    yield running
    if running.process is not None:
        running.end()
