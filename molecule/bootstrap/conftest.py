"""The hosts and their operator, for the whole session."""

from __future__ import annotations

import pytest
from fresh import Host, Operator


@pytest.fixture(scope="session")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Operator:
    """Whoever has the key."""
    # A control socket's path ends at 108 bytes.
    return Operator(tmp_path_factory.mktemp("op"))


@pytest.fixture(scope="session")
def plain(operator: Operator) -> Host:
    """Debian 13."""
    return Host("boot-trixie", operator)


@pytest.fixture(scope="session")
def minimal(operator: Operator) -> Host:
    """Debian 12, which has neither sudo nor Python at first."""
    return Host("boot-bookworm", operator)
