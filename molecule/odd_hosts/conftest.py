"""The hosts, each for the whole session."""

from __future__ import annotations

import pytest
from odd import Odd


@pytest.fixture(scope="session")
def hard(tmp_path_factory: pytest.TempPathFactory) -> Odd:
    """Debian 13, hardened."""
    return Odd.alone(tmp_path_factory.mktemp("hard"), "odd-hard")


@pytest.fixture(scope="session")
def full(tmp_path_factory: pytest.TempPathFactory) -> Odd:
    """Debian 12, which already serves something."""
    return Odd.alone(tmp_path_factory.mktemp("full"), "odd-full")


@pytest.fixture(scope="session")
def shut(tmp_path_factory: pytest.TempPathFactory) -> Odd:
    """Debian 13, without a way out."""
    return Odd.alone(tmp_path_factory.mktemp("shut"), "odd-shut")
