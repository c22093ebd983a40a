"""Who a load asks, and whether a fleet is fit for a drill."""

from __future__ import annotations

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.drill.exercises import skipped
from ansible_collections.asgi.fleet.plugins.plugin_utils.drill.fleet import (
    begin_lines,
    needs_mending,
    ready,
    servers,
)

from tests.unit.plugins.plugin_utils.drill.test_card import NEW, OLD, state


def test_hosts_are_asked_where_the_fleet_reaches_them() -> None:
    hostvars: dict[str, dict[str, object]] = {
        "web1": {"fleet_address": "10.0.0.1", "ansible_host": "192.0.2.1"},
        "web2": {"ansible_host": "192.0.2.2", "nginx_site_https_port": 8443},
        "web3": {},
    }
    assert servers(["web1", "web2", "web3"], hostvars, balanced=False) == [
        {"name": "web1", "address": "10.0.0.1", "port": 443},
        {"name": "web2", "address": "192.0.2.2", "port": 8443},
        {"name": "web3", "address": "web3", "port": 443},
    ]


def test_a_balancer_is_asked_at_its_own_port() -> None:
    hostvars = {"lb1": {"haproxy_balancer_https_port": 9443, "nginx_site_https_port": 1}}
    assert servers(["lb1"], hostvars, balanced=True)[0]["port"] == 9443


def test_an_operator_reads_what_is_done_and_how_to_undo_it() -> None:
    found = {
        "id": "5f3a",
        "app": "shop",
        "loader": "web1",
        "domain": "shop.example.com",
        "path": "/healthz",
        "servers": [{"name": "web1"}, {"name": "web2"}],
        "request": {"rate": 20, "exercises": [{"name": "restart"}]},
    }
    assert begin_lines(found, ["web1", "web2"]) == [
        "drill 5f3a of shop on web1, web2: restart",
        "load: 20 requests a second from web1 to web1, web2, https://shop.example.com/healthz",
        "if it is interrupted: hosts undo what is broken by themselves, within 15 minutes; the "
        "rest: ansible-playbook playbooks/drill.yml -e drill=shop -e drill_only=mend",
    ]


def test_a_fleet_that_is_well_has_one_release() -> None:
    assert ready({"web1": {"state": state()}, "web2": {"state": state()}}) == OLD


@pytest.mark.parametrize(
    ("look", "told"),
    [
        ({"unreachable": True, "msg": "timed out"}, "web2: timed out"),
        ({"state": state(live=None)}, "web2 has no live release"),
        ({"state": state(NEW)}, f"different releases are live: {OLD} on web1, {NEW} on web2"),
        ({"state": state(workers=[])}, "web2 has 0 of 2 workers healthy"),
        ({"state": state(lock={"who": "bob", "rollout": "x"})}, "web2 is locked by bob"),
    ],
)
def test_a_fleet_that_is_not_well_is_refused(look: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=r"the fleet is not well: .*; expected one release") as e:
        ready({"web1": {"state": state()}, "web2": look})
    assert told in str(e.value)


@pytest.mark.parametrize(
    ("after", "needed"),
    [
        (state(), False),
        (state(NEW), True),
        (state(live=None), True),
        (state(lock={"who": "ada", "rollout": "x"}), True),
        # Somebody else's rollout is not ours to end.
        (state(lock={"who": "bob", "rollout": "x"}), False),
        ({"error": "unreachable"}, False),
    ],
)
def test_a_host_is_mended_that_is_not_as_it_was(after: dict[str, object], needed: bool) -> None:
    assert needs_mending({"web1": state(), "web2": after}, OLD, "ada") is needed


def test_one_host_cannot_be_lost() -> None:
    assert skipped(2, ["web1"]) == (
        "the fleet has 1 host; expected 2 or more, since another one has to go on"
    )
    assert skipped(2, ["web1", "web2"]) == ""
