"""The fleet whose releases the commands run in, deployed once for the whole session."""

from __future__ import annotations

from pathlib import Path

import pytest
from fleet import Fleet


@pytest.fixture(scope="session")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Fleet:
    """Two hosts with the sample application, `app/`, and no setting changed."""
    fleet = Fleet(tmp_path_factory.mktemp("commands"), Path(__file__).parent)
    fleet.deploy()
    return fleet
