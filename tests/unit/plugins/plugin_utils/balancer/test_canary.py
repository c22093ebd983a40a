"""Which hosts are a rollout's canaries at the balancers, and what is told of them."""

from __future__ import annotations

from typing import Any

from ansible_collections.asgi.fleet.plugins.plugin_utils.balancer.canary import (
    MARGIN_SECONDS,
    canaries,
    canary_lines,
)

PLAN = {"waves": {"shop": [["shop1", "shop2"], ["shop3"]], "blog": [["blog1"]]}}


def deployed(percent: int | None, **changed: object) -> dict[str, Any]:
    deployment = {
        "fleet_canary_percent": percent,
        "fleet_soak_seconds": 10,
        "app_health_timeout": 5,
        "app_hooks": {"before_rollout": [{"timeout": 999}], "before_activate": [{"timeout": 7}]},
    }
    return {"deployment": deployment | changed}


HOSTS = {"shop1": deployed(5), "shop2": deployed(9), "shop3": deployed(9), "blog1": deployed(None)}


def test_canaries_are_the_first_wave_of_those_who_asked() -> None:
    assert canaries(PLAN, HOSTS) == [
        {
            "name": "shop",
            "canary": ["shop1", "shop2"],
            "percent": 5,
            "seconds": 10 + 7 + 4 * 5 + MARGIN_SECONDS,
        }
    ]


def test_canaries_of_a_wave_that_has_passed() -> None:
    assert [one["name"] for one in canaries(PLAN, HOSTS, ["shop2", "blog1"])] == ["shop"]
    assert canaries(PLAN, HOSTS, ["shop3"]) == []
    assert canaries(PLAN, HOSTS, ["shop1"], {"shop": "web1 failed"}) == []


def test_lines_say_what_each_balancer_did() -> None:
    told = {"lb1": {"told": ["shop: web1 gets 5.0 %"]}, "lb2": {"told": ["shop: web1 gets 4.9 %"]}}
    assert canary_lines(told, "lowered") == [
        "lb1: shop: web1 gets 5.0 %",
        "lb2: shop: web1 gets 4.9 %",
    ]
    changed: dict[str, dict[str, Any]] = {
        "lb1": {"changed_servers": ["shop/web1"]},
        "lb2": {"changed_servers": []},
    }
    assert canary_lines(changed, "full") == [
        "lb1: shop/web1 gets the full share of the requests again"
    ]
    assert canary_lines(changed, "full", check_mode=True) == [
        "lb1: shop/web1 would get the full share of the requests again"
    ]


def test_lines_name_a_balancer_that_does_not_answer() -> None:
    [line] = canary_lines({"lb1": {"unreachable": True, "msg": "timed out"}}, "full")
    assert line == (
        "lb1: it did not give the canary its full share again: timed out; it does so by itself "
        "when the time of the canary is over"
    )
