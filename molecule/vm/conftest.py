"""The virtual machine, for the whole session."""

from __future__ import annotations

from pathlib import Path

import pytest
from events import Shop


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """The deployed application."""
    inventory = Path(__file__).parent / "inventory"
    return Shop.found(tmp_path_factory.mktemp("shop"), inventory, "fleet-vm")
