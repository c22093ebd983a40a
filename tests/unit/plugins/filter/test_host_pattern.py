"""The patterns of plays, by Ansible's own reading of a pattern."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible_collections.asgi.fleet.plugins.filter.host_pattern import (
    bootstrap_hosts,
    host_pattern,
    hosts_to_check,
)


@pytest.mark.parametrize("hosts", [["web2", "web1"], ["web3"], []])
def test_host_pattern_matches_the_hosts(hosts: list[str]) -> None:
    inventory = InventoryManager(loader=DataLoader(), sources=["web1,web2,web3,"])
    assert [str(host) for host in inventory.get_hosts(host_pattern(hosts))] == hosts


@pytest.mark.parametrize(
    ("done", "hosts"),
    [
        (False, ["web1", "web2"]),
        ("false", ["web1", "web2"]),
        (True, []),
        # As a variable of an import, or of the command line, may give it.
        ("True", []),
        ("true", []),
    ],
)
def test_hosts_to_check_are_those_of_the_group_once_in_a_run(
    done: object, hosts: list[str]
) -> None:
    inventory = InventoryManager(loader=DataLoader(), sources=["web1,web2,lb1,"])
    inventory.add_group("app")
    for host in ("web1", "web2"):
        inventory.add_host(host, "app")
    pattern = hosts_to_check(inventory.get_groups_dict(), done)
    assert [str(host) for host in inventory.get_hosts(pattern)] == hosts


@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize("groups", [{}, {"app": []}])
def test_hosts_to_check_of_no_application_host_are_refused(
    groups: dict[str, list[str]], done: bool
) -> None:
    with pytest.raises(AnsibleFilterError, match="the group app is empty; expected at least one"):
        hosts_to_check(groups, done)


@pytest.mark.parametrize(
    ("groups", "given", "pattern"),
    [
        ({"app": ["web1"], "balancer": ["lb1"]}, "", ["app", "balancer"]),
        ({"app": ["web1"]}, "", ["app"]),
        ({"app": ["web1"]}, "all:!web1", ["all:!web1"]),
        ({}, "all", ["all"]),
    ],
)
def test_bootstrap_hosts_are_those_of_a_fleet_or_the_given(
    groups: dict[str, list[str]], given: str, pattern: list[str]
) -> None:
    assert bootstrap_hosts(groups, given) == pattern


def test_bootstrap_hosts_of_an_inventory_without_a_fleet_are_refused() -> None:
    with pytest.raises(AnsibleFilterError, match="choose others: -e bootstrap_hosts=all"):
        bootstrap_hosts({"all": ["web1"], "app": []})
