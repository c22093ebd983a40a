"""The fleet whose data are backed up, deployed once for the whole session."""

from __future__ import annotations

import pytest
from fleet import Fleet


@pytest.fixture(scope="session")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Fleet:
    """Two hosts with the sample application and its migrations, deployed for the first time."""
    fleet = Fleet(tmp_path_factory.mktemp("backup"))
    fleet.succeed("deploy", "--check", "--diff")
    fleet.succeed("deploy")
    return fleet
