"""Two hosts with the sample application and its timers, deployed once for the whole session."""

from __future__ import annotations

import pytest
from events import Shop
from recorder import SCENARIO, TIMERS


@pytest.fixture(scope="session")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """The shop that is to have timers, on hosts that may have nothing yet."""
    folder = tmp_path_factory.mktemp("timers")
    shop = Shop.connected(folder, SCENARIO / "inventory", "timer1")
    shop.variables["app_timers"] = TIMERS
    return shop


@pytest.fixture(scope="session")
def shop(bare: Shop) -> Shop:
    """The shop, with a timer that elapses each second, and one that only one host runs."""
    bare.succeed("deploy")
    return bare
