"""Which host runs what runs once in a fleet."""

from __future__ import annotations

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.rollout.singletons import home

HOSTS = ["web1", "web2", "web3"]


@pytest.mark.parametrize(
    ("serving", "holder", "expected"),
    [
        pytest.param(HOSTS, "", "web1", id="the first of the inventory"),
        pytest.param(["web3", "web2"], "", "web2", id="the first that serves"),
        pytest.param(HOSTS, "web2", "web2", id="it stays where it is"),
        pytest.param(["web1", "web3"], "web2", "web1", id="it leaves a host that does not serve"),
        pytest.param(HOSTS, "web9", "web1", id="it leaves a host that is in no inventory"),
        pytest.param(["web9"], "", "", id="nobody serves who is in the inventory"),
        pytest.param([], "web1", "", id="nobody serves"),
    ],
)
def test_home(serving: list[str], holder: str, expected: str) -> None:
    assert home(HOSTS, serving, holder) == expected
