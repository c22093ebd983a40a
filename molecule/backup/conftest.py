"""The fleet whose data are backed up, deployed once for the whole session."""

from __future__ import annotations

from pathlib import Path

import pytest
from documented import settings
from fleet import Fleet


@pytest.fixture(scope="session")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Fleet:
    """Two hosts with the sample application and its migrations, and the page's SQLite example."""
    fleet = Fleet(tmp_path_factory.mktemp("backup"), Path(__file__).parent)
    fleet.set(**settings("SQLite"))
    fleet.deploy("--check", "--diff")
    fleet.deploy()
    return fleet
