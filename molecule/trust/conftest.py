"""The hosts of the attacks, for the whole session."""

from __future__ import annotations

from pathlib import Path

import pytest
from events import Shop


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """The deployed application; its playbooks with other variables deploy the hostile ones."""
    inventory = Path(__file__).parent / "inventory"
    return Shop.found(tmp_path_factory.mktemp("shop"), inventory, "trust-bookworm")


@pytest.fixture(params=["trust-bookworm", "trust-trixie"])
def host(request: pytest.FixtureRequest) -> str:
    """Each host in turn."""
    name: str = request.param
    return name
