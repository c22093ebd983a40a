"""The hosts themselves."""

from __future__ import annotations

import pytest
from odd import Odd


@pytest.mark.parametrize("name", ["hard", "full", "shut"])
def test_each_fixture_is_its_host(name: str, request: pytest.FixtureRequest) -> None:
    odd: Odd = request.getfixturevalue(name)
    assert odd.shell("cat /etc/hostname") == odd.name
