"""The filter `host_pattern`, by Ansible's own reading of a pattern."""

from __future__ import annotations

import pytest
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible_collections.asgi.fleet.plugins.filter.host_pattern import host_pattern


@pytest.mark.parametrize("hosts", [["web2", "web1"], ["web3"], []])
def test_host_pattern_matches_the_hosts(hosts: list[str]) -> None:
    inventory = InventoryManager(loader=DataLoader(), sources=["web1,web2,web3,"])
    assert [str(host) for host in inventory.get_hosts(host_pattern(hosts))] == hosts
