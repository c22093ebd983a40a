"""Which weights give a canary its share."""

from __future__ import annotations

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.servers.canary import (
    lowered,
    plan_share,
    timer,
)
from ansible_collections.asgi.fleet.plugins.module_utils.servers.runtime_socket import (
    HaproxyError,
    ServerState,
)

UP = ServerState(2, 0, weight=100, full_weight=100)
LOWERED = ServerState(2, 0, weight=5, full_weight=100)
DOWN = ServerState(0, 0, weight=100, full_weight=100)
DRAINED = ServerState(2, 8, weight=0, full_weight=100)


def fleet(size: int, **others: ServerState) -> dict[str, ServerState]:
    hosts = {f"shop/web{number}": UP for number in range(1, size + 1)}
    return hosts | {f"shop/{name}": state for name, state in others.items()} | {"blog/web1": UP}


@pytest.mark.parametrize(
    ("size", "canary", "percent", "weights", "told"),
    [
        (4, ["web1"], 10, {"shop/web1": 33}, "shop: web1 gets 9.9 % of the requests instead of 25"),
        (4, ["web1"], 1, {"shop/web1": 3}, "shop: web1 gets 1.0 % of"),
        (2, ["web1"], 20, {"shop/web1": 25}, "shop: web1 gets 20.0 % of"),
        # Half of it each.
        (
            10,
            ["web1", "web2"],
            5,
            {"shop/web1": 21, "shop/web2": 21},
            "shop: web1, web2 get 5.0 % of the requests instead of 20 %",
        ),
        # HAProxy knows no smaller weight.
        (2, ["web1"], 1, {"shop/web1": 1}, "shop: web1 gets 1.0 % of"),
        # Never more than without it.
        (4, ["web1"], 25, {}, "shop: the canary gets its full share, 25 % of the requests"),
        (4, ["web1"], 60, {}, "shop: the canary gets its full share, 25 % of the requests"),
        (1, ["web1"], 5, {}, "shop: the canary gets every request, since no other host serves"),
    ],
)
def test_canary_gets_its_share(
    size: int, canary: list[str], percent: int, weights: dict[str, int], told: str
) -> None:
    share = plan_share(fleet(size), "shop", canary, percent)
    assert share.weights == weights
    assert share.told.startswith(told)


def test_only_servers_that_serve_count() -> None:
    servers = fleet(3, web2=DOWN, web3=DRAINED, web4=UP)
    assert plan_share(servers, "shop", ["web1"], 20).weights == {"shop/web1": 25}


def test_lowered_canary_is_lowered_from_its_full_weight() -> None:
    servers = fleet(4, web1=LOWERED)
    assert plan_share(servers, "shop", ["web1"], 10).weights == {"shop/web1": 33}


def test_drained_canary_stays_drained() -> None:
    share = plan_share(fleet(3, web1=DRAINED), "shop", ["web1"], 5)
    assert (share.weights, share.told) == ({}, "shop: the canary is drained and gets nothing")
    assert plan_share(fleet(4, web1=DRAINED), "shop", ["web1", "web2"], 5).weights == {
        "shop/web2": 11
    }


def test_server_that_haproxy_does_not_know_is_refused() -> None:
    with pytest.raises(HaproxyError, match=r"^shop/new is not a server of haproxy; expected one o"):
        plan_share(fleet(2), "shop", ["new"], 5)


def test_full_share_is_for_the_sites_that_are_named_and_not_for_drained_servers() -> None:
    servers = fleet(3, web1=LOWERED, web2=DRAINED) | {"blog/web1": LOWERED}
    assert lowered(servers, ["shop"]) == ["shop/web1"]
    assert lowered(servers, []) == []


def test_timer_gives_the_site_to_the_program() -> None:
    command = timer("shop", 90, "/usr/local/lib/x.py")
    assert command[-2:] == ["/usr/local/lib/x.py", "shop"]
    assert "--on-active=90" in command
    assert "--unit=haproxy-canary-shop" in command
