"""The operator and the visitors, for the whole session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from events import Load
from fleet_operator import Operator


@pytest.fixture(scope="session")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Operator:
    """The operator, before the first deploy: with two hosts and a balancer."""
    operator = Operator(tmp_path_factory.mktemp("operations"))
    operator.without("web3")
    return operator


@pytest.fixture(scope="session")
def load(operator: Operator) -> Iterator[Load]:
    """Requests, for as long as the session lasts; few, since the operator is looked at here."""
    running = Load(operator.shop, rate=40)
    running.start()
    yield running
    if running.process is not None:
        running.end()
