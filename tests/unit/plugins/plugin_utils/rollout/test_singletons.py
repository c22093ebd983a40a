"""Which host runs what runs once in a fleet."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.rollout.singletons import (
    home,
    homes,
    lost_lines,
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


IDLE = {"here": False, "away": False, "planned": True}
HERE, AWAY = {**IDLE, "here": True}, {**IDLE, "away": True}
NEW = {**IDLE, "planned": False}


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


@pytest.mark.parametrize(
    ("told", "taker"),
    [
        pytest.param({"web1": IDLE, "web2": IDLE}, "web1", id="it has left with its host"),
        pytest.param({"web1": AWAY, "web2": IDLE}, "web2", id="an interrupted drain"),
        pytest.param({"web1": IDLE, "web2": HERE}, "", id="a host has it"),
        pytest.param({"web1": NEW, "web2": NEW}, "", id="the first release with it"),
        pytest.param({"web1": IDLE, "web2": None}, "", id="web2 may have it"),
        pytest.param({"web1": AWAY, "web2": AWAY}, "", id="all are drained"),
    ],
)
def test_rollout_tells_what_runs_on_no_host(
    told: dict[str, dict[str, bool] | None], taker: str
) -> None:
    hostvars = variables(**told)
    found = lost_lines(hostvars, list(told))
    assert [one.partition("; ")[2].split()[0] for one in found] == ([taker] if taker else [])
    assert all(one.startswith("shop: what runs once in the fleet runs on no host") for one in found)


def test_each_application_has_its_own() -> None:
    hostvars = variables(web1=IDLE, web2=IDLE)
    hostvars["web2"]["deployment"] = {"app_name": "site"}
    assert all(runs_singletons(hostvars, host, ["web1", "web2"]) for host in hostvars)


def moved(
    leaving: dict[str, dict[str, Any]], answers: dict[str, dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return who takes what hosts leave, by what the others answer."""
    hostvars = variables(**dict.fromkeys([*leaving, *answers]))
    asked = others(hostvars, leaving, list(hostvars))
    assert [one["host"] for one in asked] in ([], list(answers))
    return takers({"singletons_other": one, **answers[one["host"]]} for one in asked)


LIVE_IDLE, LIVE_HERE = {"was": IDLE, "live": True}, {"was": HERE, "live": True}
DOWN: dict[str, Any] = {"unreachable": True}
LAST = {"report": 1000.5}


@pytest.mark.parametrize(
    ("leaving", "answers", "expected"),
    [
        pytest.param(
            {"web1": {"was": HERE}},
            {"web2": {"was": AWAY, "live": True}, "web3": DOWN, "web4": LIVE_IDLE},
            ["web4"],
            id="to the next that serves",
        ),
        pytest.param(
            {"web1": {"was": HERE}},
            {"web2": {"was": IDLE, "live": False}},
            [],
            id="not to one without a release",
        ),
        pytest.param({"web1": {"was": IDLE}}, {"web2": LIVE_IDLE}, [], id="from nobody"),
        pytest.param(
            {"web1": {"was": HERE}}, {"web2": LIVE_HERE, "web3": LIVE_IDLE}, [], id="never twice"
        ),
        pytest.param(
            {"web1": {"was": AWAY}},
            {"web2": LIVE_IDLE},
            ["web2"],
            id="what an interrupted drain has left on no host",
        ),
        pytest.param(
            {"web1": {"was": AWAY}}, {"web2": LIVE_HERE, "web3": LIVE_IDLE}, [], id="it has moved"
        ),
        pytest.param(
            {"web1": {"was": AWAY}}, {"web2": DOWN, "web3": LIVE_IDLE}, [], id="web2 may have it"
        ),
    ],
)
def test_who_takes_it_from_the_hosts_that_leave(
    leaving: dict[str, dict[str, Any]], answers: dict[str, dict[str, Any]], expected: list[str]
) -> None:
    assert [one["host"] for one in moved(leaving, answers)] == expected


def test_next_host_is_told_when_timers_have_elapsed_last() -> None:
    leaving = {
        "web1": {"was": IDLE, "last": {"report": 1.0, "sync": 3.0}},
        "web2": {"was": HERE, "last": {"report": 1000.5, "sync": 2.0}},
    }
    assert moved(leaving, {"web3": {**LIVE_IDLE, "last": {"report": 9000.0}}}) == [
        {"host": "web3", "app": "shop", "last": {"report": 1000.5, "sync": 3.0}}
    ]


def test_each_application_is_taken_by_its_own_hosts() -> None:
    hostvars = variables(web1=None, web2=None)
    hostvars["web2"]["deployment"] = {"app_name": "site"}
    assert others(hostvars, {"web1": {"was": HERE}}, list(hostvars)) == []


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


def test_host_that_returns_counts_from_the_last_run_of_any_host() -> None:
    """It may have had it long ago, and another one since."""
    hostvars = variables(web1=None, web2=None)
    results = [
        {"singletons_host": "web1", **LIVE_IDLE, "last": LAST},
        {"singletons_host": "web2", **LIVE_IDLE, "last": {"report": 2.0}},
    ]
    assert retakers(hostvars, results, ["web2"], list(hostvars)) == [
        {"host": "web2", "app": "shop", "last": LAST}
    ]


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
