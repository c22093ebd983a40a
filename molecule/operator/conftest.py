"""The fleet that an operator has, deployed once for the whole session."""

from __future__ import annotations

import pytest
from fleet import Fleet


@pytest.fixture(scope="session")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Fleet:
    """Two hosts with the sample application, `app/`, and no setting changed."""
    fleet = Fleet(tmp_path_factory.mktemp("operator"))
    # test_plan.py reads what is planned for hosts that have nothing yet.
    fleet.first_plan = fleet.succeed("deploy", "-e", "plan_only=true")
    fleet.deploy()
    return fleet
