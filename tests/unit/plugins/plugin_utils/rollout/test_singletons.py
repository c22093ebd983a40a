"""Which host runs what runs once in a fleet."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.rollout.singletons import (
    home,
    homes,
    others,
    retakers,
    runs_singletons,
    takers,
)

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


def variables(**told: dict[str, bool] | None) -> dict[str, dict[str, Any]]:
    """Return the variables of hosts, in order: what each has told, or None if it was not asked."""
    return {
        host: {
            "app_name": "shop",
            **({"rollout_begun": {"singletons": one}} if one is not None else {}),
        }
        for host, one in told.items()
    }


IDLE, HERE = {"here": False, "away": False}, {"here": True, "away": False}
AWAY = {"here": False, "away": True}


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        pytest.param({"web1": IDLE, "web2": IDLE}, ["web1"], id="the first, at the first release"),
        pytest.param({"web1": IDLE, "web2": HERE}, ["web2"], id="it stays"),
        pytest.param({"web1": AWAY, "web2": IDLE}, ["web2"], id="not on a drained host"),
        pytest.param({"web1": HERE, "web2": HERE}, ["web1"], id="never twice"),
        pytest.param({"web1": None, "web2": IDLE}, [], id="web1 may have it"),
        pytest.param({"web1": IDLE, "web2": None}, [], id="web2 may have it"),
        pytest.param({"web1": None, "web2": HERE}, ["web2"], id="a part of the fleet that has it"),
        pytest.param({"web1": AWAY, "web2": AWAY}, [], id="all are drained"),
    ],
)
def test_one_host_of_a_rollout_runs_it(
    told: dict[str, dict[str, bool] | None], expected: list[str]
) -> None:
    hostvars = variables(**told)
    assert [host for host in told if runs_singletons(hostvars, host, list(told))] == expected


def test_each_application_has_its_own() -> None:
    hostvars = variables(web1=IDLE, web2=IDLE)
    hostvars["web2"]["deployment"] = {"app_name": "site"}
    assert all(runs_singletons(hostvars, host, ["web1", "web2"]) for host in hostvars)


def test_it_moves_from_a_host_that_leaves_to_the_next_that_serves() -> None:
    hostvars = variables(web1=None, web2=None, web3=None, web4=None)
    last = {"report": 1000.5}
    found = others(hostvars, {"web1": {"was": HERE, "last": last}}, list(hostvars))
    assert found == [
        {"host": host, "app": "shop", "last": last} for host in ("web2", "web3", "web4")
    ]
    answers: list[dict[str, Any]] = [
        {"was": AWAY, "live": True},
        {"unreachable": True},
        {"was": IDLE, "live": True},
    ]
    results = [
        {"singletons_other": other, **answer} for other, answer in zip(found, answers, strict=True)
    ]
    assert takers(results) == [{"host": "web4", "app": "shop", "last": last}]


def test_a_host_without_a_release_takes_nothing() -> None:
    other = {"host": "web2", "app": "shop"}
    assert takers([{"singletons_other": other, "was": IDLE, "live": False}]) == []


def test_nothing_moves_from_a_host_that_has_not_had_it() -> None:
    hostvars = variables(web1=None, web2=None)
    assert others(hostvars, {"web1": {"was": IDLE}}, list(hostvars)) == []


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        pytest.param([IDLE, IDLE], ["web2"], id="nobody has it"),
        pytest.param([HERE, IDLE], [], id="another has it"),
        pytest.param([None, IDLE], [], id="another may have it"),
    ],
)
def test_a_host_that_returns_takes_what_nobody_has(
    answers: list[dict[str, bool] | None], expected: list[str]
) -> None:
    hostvars = variables(web1=None, web2=None)
    results: list[dict[str, Any]] = [
        {"singletons_host": host, "was": was, "live": True} if was else {"singletons_host": host}
        for host, was in zip(hostvars, answers, strict=True)
    ]
    found = retakers(hostvars, results, ["web2"], list(hostvars))
    assert [one["host"] for one in found] == expected


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        pytest.param({"web1": IDLE, "web2": HERE}, "web2", id="the one that has it"),
        pytest.param({"web1": AWAY, "web2": IDLE}, "web2", id="the first that serves"),
        pytest.param({"web1": AWAY, "web2": AWAY}, "web1", id="a drained one, if all are"),
        pytest.param({"web1": None, "web2": IDLE}, "web2", id="one that answers"),
        pytest.param({"web1": None, "web2": None}, "web1", id="the first says why it cannot"),
    ],
)
def test_what_is_done_once_is_done_where_the_singletons_are(
    told: dict[str, dict[str, bool] | None], expected: str
) -> None:
    hostvars = variables(**dict.fromkeys(told))
    for host, was in told.items():
        answer = {"was": was, "live": True} if was else {"unreachable": True}
        hostvars[host]["singletons_told"] = answer
    hostvars["blog1"] = {"app_name": "blog", "singletons_told": {"was": HERE, "live": True}}
    assert homes(hostvars, list(hostvars)) == [expected, "blog1"]


def test_host_without_a_release_does_nothing_that_is_done_once() -> None:
    hostvars = variables(web1=None, web2=None)
    hostvars["web1"]["singletons_told"] = {"was": HERE, "live": False}
    hostvars["web2"]["singletons_told"] = {"was": IDLE, "live": True}
    assert homes(hostvars, ["web1", "web2"]) == ["web2"]
