"""Addresses by which Ansible reaches a host, and no other host does."""

from __future__ import annotations

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.balancer.reach import refuse_unreachable


@pytest.mark.parametrize(
    "hosts",
    [
        {"web1": {"ansible_host": "10.0.0.1"}, "web2": {"ansible_host": "10.0.0.2"}},
        # Two applications on one machine.
        {"shop1": {"ansible_host": "10.0.0.1"}, "blog1": {"ansible_host": "10.0.0.1"}},
        {
            "web1": {
                "ansible_host": "192.0.2.1",
                "ansible_port": 2201,
                "fleet_address": "10.0.0.1",
            },
            "web2": {
                "ansible_host": "192.0.2.1",
                "ansible_port": 2202,
                "fleet_address": "10.0.0.2",
            },
        },
        {"web1": {"ansible_host": "127.0.0.1", "fleet_address": "10.0.0.1"}},
        {"web1.example.com": {}, "web2": {"ansible_port": "2222"}},
    ],
)
def test_hosts_that_others_reach_are_not_refused(hosts: dict[str, dict[str, object]]) -> None:
    refuse_unreachable(hosts)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.7", "::1", "localhost", "LOCALHOST"])
def test_loopback_is_refused_with_what_to_set(address: str) -> None:
    with pytest.raises(ValueError, match=r"^web1: .* at .*; set fleet_address, the one by which"):
        refuse_unreachable({"web1": {"ansible_host": address}})
    with pytest.raises(ValueError, match=f"^{address}: "):
        refuse_unreachable({address: {}})


def test_forwarded_ports_of_one_address_are_refused_with_what_to_set() -> None:
    one = {"ansible_host": "192.0.2.1"}
    with pytest.raises(ValueError, match="fleet_address") as refused:
        refuse_unreachable({"web1": one, "web2": one | {"ansible_port": "2202"}})
    assert str(refused.value) == (
        "web1 and web2 have one address, 192.0.2.1, with the SSH ports 22 and 2202, so a balancer "
        "cannot tell them apart; expected an address for each; set fleet_address, the one by which "
        "the fleet's hosts reach it"
    )
