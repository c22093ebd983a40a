"""A rollout over a fleet: how its waves are cut, when one counts, and what a failure reverts."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible.executor.playbook_executor import PlaybookExecutor
from ansible_collections.asgi.fleet.plugins.filter.waves import FilterModule
from ansible_collections.asgi.fleet.plugins.plugin_utils.rollout import report, waves
from ansible_collections.asgi.fleet.plugins.plugin_utils.rollout.waves import (
    HostOutcome,
    RolloutPlan,
)

NO_LIMITS = {"max_error_ratio": None, "max_p99_ms": None, "min_requests": 100}
ERRORS_LIMITED = NO_LIMITS | {"max_error_ratio": 0.01}
HEALTHY = {"live": {"active": True}, "health": 200}


def plan(count: int, *entries: int | str, **others: int) -> RolloutPlan:
    """Plan `count` hosts of the shop, `shop1` and so on, and as many of `others` as they say."""
    deployments = {
        f"{app}{number}": {"app_name": app, "fleet_waves": list(entries)}
        for app, hosts in {"shop": count, **others}.items()
        for number in range(1, hosts + 1)
    }
    return waves.plan_waves(deployments)


def sizes_by_ansible(count: int, entries: list[int | str]) -> list[int]:
    """Return the batches that Ansible makes of `serial: entries`."""
    inventory = SimpleNamespace(get_hosts=lambda *_, **__: list(range(count)))
    play = SimpleNamespace(hosts="all", order=None, serial=entries)
    batches = PlaybookExecutor._get_serialized_batches(
        SimpleNamespace(_inventory=inventory),
        play,
    )
    return [len(batch) for batch in batches]


# How waves are cut


@pytest.mark.parametrize(
    ("count", "entries", "sizes"),
    [
        (8, [1, "25%", "100%"], [1, 2, 5]),
        (1, [1, "25%", "100%"], [1]),
        (2, [1, "25%", "100%"], [1, 1]),
        (3, [1, "25%", "100%"], [1, 1, 1]),
        (7, ["50%"], [3, 3, 1]),
        (3, ["10%"], [1, 1, 1]),
        (5, [2], [2, 2, 1]),
        (5, [1, 3], [1, 3, 1]),
        (3, [10], [3]),
        (3, ["100%"], [3]),
        (4, ["2", "100%"], [2, 2]),
    ],
    ids=[
        "default",
        "one host",
        "two hosts",
        "three hosts",
        "rounded down",
        "at least one",
        "repeated",
        "last repeated",
        "more than there are",
        "all at once",
        "number as text",
    ],
)
def test_waves_are_cut_as_serial_cuts(
    count: int, entries: list[int | str], sizes: list[int]
) -> None:
    planned = plan(count, *entries)
    assert planned["sizes"] == sizes == sizes_by_ansible(count, entries)
    assert planned["order"] == [f"shop{number}" for number in range(1, count + 1)]
    assert [len(wave) for wave in planned["waves"]["shop"]] == sizes


def test_wave_sizes_are_those_that_ansible_makes_of_the_plan() -> None:
    planned = plan(9, 1, "25%", "100%", blog=3)
    assert sizes_by_ansible(len(planned["order"]), list(planned["sizes"])) == planned["sizes"]


def test_waves_of_no_host_are_none() -> None:
    nothing = plan(0, 1)
    assert (nothing["order"], nothing["sizes"], nothing["waves"]) == ([], [], {})
    assert (nothing["first"], nothing["last"], nothing["left_out"]) == ({}, [], [])


def test_waves_given_count_instead_of_those_of_the_applications() -> None:
    deployments = {f"web{n}": {"app_name": "shop", "fleet_waves": [1]} for n in range(3)}
    assert waves.plan_waves(deployments, waves=["100%"])["sizes"] == [3]
    assert waves.plan_waves(deployments, [], None)["sizes"] == [1, 1, 1]


def test_waves_are_without_an_application_that_has_lost_a_host_already() -> None:
    deployments = {
        host: {"app_name": host[:-1], "fleet_waves": [1, "100%"]}
        for host in ("shop1", "shop2", "shop3", "blog1", "blog2")
    }
    planned = waves.plan_waves(deployments, ["shop2"])
    assert planned["waves"] == {"blog": [["blog1"], ["blog2"]]}
    assert (planned["order"], planned["sizes"]) == (["blog1", "blog2"], [1, 1])
    assert (planned["first"], planned["last"]) == ({"blog": "blog1"}, ["blog2"])
    assert planned["peers"] == {"blog1": "blog2"}
    assert planned["without"] == {"shop": ["shop2"]}
    assert planned["left_out"] == ["shop1", "shop2", "shop3"]
    told = waves.plan_lines(planned)
    assert "shop: no host begins, because shop2 failed before the rollout" in told
    # Nothing else of it is run: the table of the rollout would be without these hosts.
    assert told[-4:] == [
        "HOST   STATE",
        "shop1  not begun",
        "shop2  failed before",
        "shop3  not begun",
    ]


def test_waves_of_several_applications_go_together() -> None:
    planned = plan(4, 1, "100%", blog=2, api=1)
    assert planned["waves"] == {
        "shop": [["shop1"], ["shop2", "shop3", "shop4"]],
        "blog": [["blog1"], ["blog2"]],
        "api": [["api1"]],
    }
    assert planned["sizes"] == [3, 4]
    assert planned["order"] == ["shop1", "blog1", "api1", "shop2", "shop3", "shop4", "blog2"]
    assert planned["first"] == {"shop": "shop1", "blog": "blog1", "api": "api1"}
    assert planned["last"] == ["shop2", "shop3", "shop4", "blog2", "api1"]


def test_waves_of_an_application_are_those_of_its_first_host() -> None:
    planned = waves.plan_waves(
        {
            "web1": {"app_name": "shop", "fleet_waves": ["100%"]},
            "blog1": {"app_name": "blog", "fleet_waves": [1]},
            "web2": {"app_name": "shop", "fleet_waves": [1]},
        }
    )
    assert planned["waves"] == {"shop": [["web1", "web2"]], "blog": [["blog1"]]}


def test_peer_is_a_host_of_the_same_application_in_a_later_wave() -> None:
    assert plan(4, 1, 2, 1)["peers"] == {"shop1": "shop2", "shop2": "shop4"}
    assert plan(3, 2, 1)["peers"] == {"shop1": "shop3"}
    assert plan(2, "100%", blog=1)["peers"] == {}
    assert plan(1, 1, blog=2)["peers"] == {"blog1": "blog2"}


def test_plan_names_the_hosts_of_each_wave_up_to_some() -> None:
    assert waves.plan_lines(plan(9, 1, "100%", blog=1)) == [
        "shop: 9 hosts in 2 waves",
        "  wave 1: shop1",
        "  wave 2: shop2, shop3, shop4, shop5, shop6, shop7 and 2 more",
        "blog: 1 host in 1 wave",
        "  wave 1: blog1",
    ]
    assert waves.plan_lines(plan(6, "100%"))[1:] == [
        "  wave 1: shop1, shop2, shop3, shop4, shop5, shop6"
    ]


# What became of a host, and how long it is watched


@pytest.mark.parametrize(
    ("result", "state", "reason", "changed"),
    [
        ({"changed": True}, "live", "", True),
        ({"changed": False}, "live", "", False),
        ({"failed": True, "msg": " crashed\nlog\n"}, "refused", "crashed\nlog", False),
        ({"failed": True}, "refused", "no reason given", False),
        # Not failed, for Ansible: shown once, at the end.
        ({"failed": False, "is_refusal": True, "msg": "no"}, "refused", "no", False),
        (
            {"unreachable": True, "changed": False, "msg": "timed out"},
            "unreachable",
            "timed out",
            False,
        ),
    ],
)
def test_outcome_says_what_the_slot_module_said(
    result: dict[str, Any], state: str, reason: str, changed: bool
) -> None:
    found = waves.host_outcome(host(gunicorn_service_result=result), {})
    assert (found["state"], found["reason"], found["changed"]) == (state, reason, changed)


DEPLOYMENT: dict[str, Any] = {
    "app_name": "shop",
    "fleet_soak_seconds": 30,
    "fleet_on_failure": "revert_all",
    "fleet_max_error_ratio": None,
    "fleet_max_p99_ms": 500,
    "fleet_min_requests": 20,
}


def host(app: str = "shop", **registered: object) -> dict[str, Any]:
    """Return a host's variables: what it was to run, and what its tasks registered."""
    return {
        "deployment": DEPLOYMENT | {"app_name": app},
        "rollout_target": {"id": "1.1", "path": "/opt/shop/releases/1.1", "module": "main:app"},
        **registered,
    }


def test_outcome_says_what_the_host_was_to_run_and_how_it_is_judged() -> None:
    assert waves.host_outcome(host(gunicorn_service_result={"changed": True}), {}) == {
        "app": "shop",
        "release": "1.1",
        "state": "live",
        "reason": "",
        "changed": True,
        "notes": [],
        "soak_seconds": 30,
        "on_failure": "revert_all",
        "limits": {"max_error_ratio": None, "max_p99_ms": 500, "min_requests": 20},
    }


def test_outcome_has_the_settings_of_the_playbook_before_those_of_the_deployment() -> None:
    settings = {"soak_seconds": 0, "on_failure": "stop"}
    found = waves.host_outcome(host(), settings)
    assert (found["soak_seconds"], found["on_failure"]) == (0, "stop")


@pytest.mark.parametrize(
    ("registered", "look", "traffic", "waiting"),
    [
        ({"wave_look": {"state": HEALTHY}}, HEALTHY, None, None),
        (
            {
                "wave_look": {"state": HEALTHY},
                "wave_traffic": {"traffic": {"requests": 2}},
                "wave_waiting": {"traffic": {"requests": 3}},
            },
            HEALTHY,
            {"requests": 2},
            {"requests": 3},
        ),
        # What the last wave registers when its traffic could not be had, and when it has no peer.
        (
            {
                "wave_look": {"state": HEALTHY},
                "wave_traffic": {"failed": True, "msg": "no log"},
                "wave_waiting": {"skipped": True},
            },
            HEALTHY,
            None,
            None,
        ),
        ({"wave_look": {"unreachable": True}}, {"unreachable": True}, None, None),
        ({"wave_look": {"failed": True, "msg": "no sudo"}}, {"unreachable": True}, None, None),
    ],
    ids=["looked at", "traffic", "no traffic", "silent", "failed"],
)
def test_outcome_says_what_was_seen_after_the_soak(
    registered: dict[str, Any], look: object, traffic: object, waiting: object
) -> None:
    found = waves.host_outcome(host(**registered), {})
    assert (found["look"], found["traffic"], found["waiting"]) == (look, traffic, waiting)


def test_outcomes_are_of_the_hosts_of_the_wave_but_for_a_stopped_application() -> None:
    hostvars = {
        "shop1": host(gunicorn_service_result={"changed": True}),
        "shop2": host(),
        "shop3": host(),
        "blog1": host("blog"),
    }
    hosts = ["shop1", "blog1", "shop2"]
    assert list(waves.wave_outcomes(hostvars, hosts)) == hosts
    assert waves.wave_outcomes(hostvars, hosts, {})["shop1"]["changed"] is True
    left = waves.wave_outcomes(hostvars, hosts, {"stopped": {"blog": "why"}}, {"soak_seconds": 7})
    assert list(left) == ["shop1", "shop2"]
    assert {found["soak_seconds"] for found in left.values()} == {7}
    none = waves.wave_outcomes(hostvars, ["blog1"], {"stopped": {"blog": "why"}})
    assert none == {}


def outcome(app: str = "shop", **more: object) -> HostOutcome:
    """Return a host that was switched and is healthy, but for what `more` says."""
    found: dict[str, object] = {
        "app": app,
        "release": "1.1",
        "state": "live",
        "reason": "",
        "changed": True,
        "notes": [],
        "soak_seconds": 30,
        "limits": NO_LIMITS,
        "on_failure": "revert_all",
    }
    return found | more  # type: ignore[return-value]


REFUSED: dict[str, Any] = {
    "state": "refused",
    "reason": "crashed at start\n  its journal",
    "changed": False,
}
UNREACHABLE: dict[str, Any] = {"state": "unreachable", "reason": "timed out", "changed": False}


@pytest.mark.parametrize(
    ("outcomes", "last", "seconds"),
    [
        ({"a": outcome()}, [], 30),
        ({"a": outcome(changed=False)}, [], 0),
        ({"a": outcome(changed=False), "b": outcome()}, [], 30),
        ({"a": outcome(), "b": outcome(**REFUSED)}, [], 0),
        ({"a": outcome(), "b": outcome(**UNREACHABLE)}, [], 0),
        ({"a": outcome()}, ["a"], 0),
        ({"a": outcome(limits=ERRORS_LIMITED)}, ["a"], 30),
        ({"a": outcome(limits=NO_LIMITS | {"max_p99_ms": 500})}, ["a"], 30),
        ({"a": outcome(limits=ERRORS_LIMITED, changed=False)}, ["a"], 0),
        ({"a": outcome(), "b": outcome("blog")}, ["a"], 30),
        ({"a": outcome(), "b": outcome("blog", soak_seconds=60)}, [], 60),
        ({"a": outcome(), "b": outcome("blog", soak_seconds=60)}, ["b"], 30),
        ({"a": outcome(), "b": outcome("blog", **REFUSED)}, [], 30),
        ({"a": outcome(), "b": outcome("blog"), "c": outcome(**REFUSED)}, ["b"], 0),
        ({}, [], 0),
    ],
    ids=[
        "switched",
        "nothing switched",
        "one of two switched",
        "one refused",
        "one unreachable",
        "last wave",
        "last wave, judged by errors",
        "last wave, judged by time",
        "last wave, nothing switched",
        "last wave of one application only",
        "the longer of two applications",
        "the longer in its last wave",
        "another application failed",
        "one failed, the other in its last wave",
        "no host",
    ],
)
def test_soak_takes_no_longer_than_it_tells_something(
    outcomes: dict[str, HostOutcome], last: list[str], seconds: float
) -> None:
    assert waves.soak_seconds(outcomes, last) == seconds


# The end of a wave


def served(requests: int, errors: int) -> dict[str, Any]:
    return {"requests": requests, "errors": errors, "latency_ms": {"5": requests}}


def close(*of_waves: dict[str, HostOutcome]) -> dict[str, Any]:
    """Close wave after wave; return how far the rollout is then."""
    progress: dict[str, Any] = {}
    for outcomes in of_waves:
        progress = waves.close_wave(progress, outcomes)
    return progress


def test_wave_that_is_well_stops_nothing() -> None:
    progress = close({"a": outcome(look=HEALTHY)}, {"b": outcome(changed=False)})
    assert progress == {
        "hosts": {
            host: {"app": "shop", "release": "1.1", "state": "live", "reason": ""} for host in "ab"
        },
        "stopped": {},
        "to_revert": [],
        "lines": [],
    }


def test_wave_of_no_host_changes_nothing() -> None:
    assert close({}) == {"hosts": {}, "stopped": {}, "to_revert": [], "lines": []}
    assert close({"a": outcome()}, {}) == close({"a": outcome()})


def test_wave_does_not_change_what_the_one_before_left() -> None:
    before = close({"a": outcome()})
    waves.close_wave(before, {"b": outcome(**REFUSED)})
    assert before == close({"a": outcome()})
    assert waves.close_wave(None, {"a": outcome()}) == before


@pytest.mark.parametrize(
    ("mode", "to_revert"),
    [
        ("revert_all", ["a", "b", "c", "d"]),
        ("revert_wave", ["c", "d"]),
        ("stop", []),
    ],
)
def test_failed_wave_reverts_what_is_asked_for(mode: str, to_revert: list[str]) -> None:
    progress = close(
        {"a": outcome(on_failure=mode)},
        {"b": outcome(on_failure=mode, changed=False)},
        {
            "c": outcome(on_failure=mode),
            "d": outcome(on_failure=mode, **UNREACHABLE),
            "e": outcome(on_failure=mode, **REFUSED),
        },
    )
    # Of the refused nothing went live; the silent one may have been switched all the same.
    assert progress["to_revert"] == to_revert
    assert set(progress["stopped"]) == {"shop"}
    assert [progress["hosts"][host]["state"] for host in "abcde"] == [
        "live",
        "live",
        "live",
        "unreachable",
        "refused",
    ]


def test_failed_wave_shows_each_reason_once_with_its_hosts() -> None:
    progress = close(
        {"a": outcome(**REFUSED), "b": outcome(**REFUSED), "c": outcome(**UNREACHABLE)}
    )
    assert progress["stopped"]["shop"] == ("a, b: crashed at start\n  its journal\nc: timed out")
    # At once, and in full at the end.
    assert progress["lines"] == ["shop: refused: a, b", "shop: unreachable: c"]


@pytest.mark.parametrize(
    ("look", "state", "reason"),
    [
        ({"unreachable": True}, "unreachable", "and has not answered since"),
        ({"live": None, "health": 0}, "unhealthy", "and no longer runs"),
        ({"live": {"active": False}, "health": 0}, "unhealthy", "and no longer runs"),
        ({"live": {"active": True}, "health": 503}, "unhealthy", "now its health path answers 503"),
        (
            {"live": {"active": True}, "health": 0},
            "unhealthy",
            "now its health path does not answer",
        ),
    ],
    ids=["silent", "nothing live", "dead", "unhealthy", "hanging"],
)
def test_host_that_was_switched_and_is_not_well_after_the_soak_fails_its_wave(
    look: dict[str, Any], state: str, reason: str
) -> None:
    progress = close({"a": outcome(look=HEALTHY), "b": outcome(look=look)})
    assert progress["hosts"]["b"]["state"] == state
    assert progress["stopped"]["shop"].startswith("b: was healthy at its cut-over, ")
    assert progress["stopped"]["shop"].endswith(reason)
    assert progress["to_revert"] == ["a", "b"]


def test_wave_that_serves_badly_fails() -> None:
    bad = outcome(limits=ERRORS_LIMITED, look=HEALTHY, traffic=served(1000, 30))
    progress = close({"a": bad | {"waiting": served(1000, 0)}})
    assert progress["stopped"]["shop"].startswith("a: 30 of 1000 requests failed (3 %)")
    assert progress["to_revert"] == ["a"]
    assert progress["lines"][:3] == [
        "shop: a: 30 of 1000 requests failed (3 %), p99 5 ms",
        "shop: not yet switched: 0 of 1000 requests failed (0 %), p99 5 ms",
        "shop: over the limits",
    ]
    # The host itself is well: what it serves is not.
    assert progress["hosts"]["a"]["state"] == "live"


def test_wave_that_serves_well_goes_on() -> None:
    good = outcome(limits=ERRORS_LIMITED, look=HEALTHY, traffic=served(1000, 3), waiting=None)
    progress = close({"a": good})
    assert progress["stopped"] == {}
    assert progress["lines"] == [
        "shop: a: 3 of 1000 requests failed (0.3 %), p99 5 ms",
        "shop: within the limits: at most 1 % failed",
    ]


def test_wave_is_judged_only_by_the_hosts_that_were_switched() -> None:
    limited: dict[str, Any] = {"limits": ERRORS_LIMITED}
    untouched = outcome(**limited, changed=False, traffic=served(1000, 900))
    assert close({"a": untouched})["lines"] == []
    progress = close({"a": untouched, "b": outcome(**limited, traffic=served(1000, 0))})
    assert progress["stopped"] == {}
    assert progress["lines"][0] == "shop: b: 0 of 1000 requests failed (0 %), p99 5 ms"


WRITE = {"seen": "a write to uploads was refused", "todo": "add app_writable_paths: [uploads]"}
WARNED = (
    "WARNING: since it went live, a write to uploads was refused; "
    "add app_writable_paths: [uploads], and release again"
)


def test_wave_tells_what_its_hosts_note_and_what_was_refused_and_fails_by_neither() -> None:
    look = {"live": {"active": True}, "health": 200, "refused": [WRITE]}
    progress = close(
        {
            "a": outcome(notes=["the host has /dev/nvidia0"], look=look),
            "b": outcome(notes=["the host has /dev/nvidia0"]),
        }
    )
    assert progress["lines"] == [
        "shop: a and 1 more: the host has /dev/nvidia0",
        f"shop: a: {WARNED}",
    ]
    assert progress["stopped"] == {}


def test_rollout_report_warns_of_what_was_refused_since_the_wave() -> None:
    progress = close({"a": outcome()}, {"b": outcome()})
    ended = {"live": "1.1", "refused": [WRITE]}
    told = report.rollout_report(
        progress,
        plan(2, 1, "100%"),
        {
            "shop1": {"rollout_ended": ended},
            "shop2": {"rollout_ended": ended, "wave_look": {"state": {"refused": [WRITE]}}},
        },
    )
    assert told["failure"] == ""
    assert told["lines"][-1] == f"shop1: {WARNED}"


def test_wave_is_not_judged_without_limits_nor_after_a_failed_host() -> None:
    assert close({"a": outcome(traffic=served(1000, 900))})["lines"] == []
    failed = close(
        {
            "a": outcome(limits=ERRORS_LIMITED, traffic=served(1000, 900)),
            "b": outcome(limits=ERRORS_LIMITED, **REFUSED),
        }
    )
    assert failed["lines"] == ["shop: refused: b"]
    assert "requests failed" not in failed["stopped"]["shop"]


def test_one_application_that_stops_leaves_the_other_alone() -> None:
    progress = close(
        {"shop1": outcome(), "blog1": outcome("blog")},
        {"shop2": outcome(**REFUSED), "blog2": outcome("blog", look=HEALTHY)},
    )
    assert list(progress["stopped"]) == ["shop"]
    assert progress["to_revert"] == ["shop1"]
    # The stopped one has no more waves; the other goes on and may stop by itself.
    progress = waves.close_wave(progress, {"blog3": outcome("blog", **UNREACHABLE)})
    assert list(progress["stopped"]) == ["shop", "blog"]
    assert progress["to_revert"] == ["shop1", "blog1", "blog2", "blog3"]


# The end of a rollout


def test_rollout_lines_name_every_host_with_what_became_of_it() -> None:
    progress = close(
        {"a": outcome(), "b": outcome(changed=False), "c": outcome()},
        {
            "d": outcome(**REFUSED),
            "e": outcome(**UNREACHABLE),
            "f": outcome(**UNREACHABLE),
            "g": outcome(look={"live": None, "health": 0}),
        },
    )
    reverted: dict[str, dict[str, Any]] = {
        "a": {"changed": True},
        "b": {"changed": False},
        "c": {"failed": True, "msg": "shop@blue.service crashed\n  its journal"},
        "d": {},
        "e": {"unreachable": True, "msg": "timed out"},
        "f": {"changed": False},
        "g": {"changed": True},
    }
    ended: dict[str, dict[str, Any]] = {
        "a": {"live": "1.0"},
        "b": {"live": "1.1"},
        "c": {"live": "1.1"},
        "d": {"live": "1.0"},
        "e": {"unreachable": True},
        "f": {"live": "1.0"},
        "g": {"live": ""},
        "h": {"live": "1.0"},
    }
    assert report.rollout_lines(progress, list("abcdefgh"), reverted, ended) == [
        "HOST  RELEASE  STATE",
        "a     1.0      reverted",
        "b     1.1      unchanged",
        "c     1.1      NOT REVERTED",
        "d     1.0      refused",
        "e     ?        unreachable",
        "f     1.0      unchanged",
        "g     none     reverted",
        "h     1.0      not begun",
        "",
        "c: could not be reverted: shop@blue.service crashed\n  its journal",
        "e: could not be reverted, since it does not answer; the next run brings it up to date",
        "The rollout of shop failed:\n"
        "d: crashed at start\n  its journal\n"
        "e, f: timed out\n"
        "g: was healthy at its cut-over, and no longer runs",
    ]


def test_rollout_lines_of_a_rollout_that_ended_well_are_the_table_alone() -> None:
    progress = close({"a": outcome()}, {"b": outcome()})
    live = {"live": "1.1"}
    assert report.rollout_lines(
        progress, ["a", "b"], {"a": {}, "b": {}}, {"a": live, "b": live}
    ) == [
        "HOST  RELEASE  STATE",
        "a     1.1      live",
        "b     1.1      live",
    ]


def test_rollout_lines_show_what_stays_when_nothing_is_reverted() -> None:
    progress = close(
        {
            "a": outcome(on_failure="stop"),
            "b": outcome(on_failure="stop", look={"live": {"active": True}, "health": 503}),
        }
    )
    ended = {"a": {"live": "1.1"}, "b": {"live": "1.1"}}
    assert report.rollout_lines(progress, ["a", "b"], {}, ended)[:3] == [
        "HOST  RELEASE  STATE",
        "a     1.1      live",
        "b     1.1      unhealthy",
    ]


def test_rollout_lines_do_not_guess_at_a_host_that_fell_silent_at_the_end() -> None:
    lines = report.rollout_lines(close({"a": outcome()}), ["a", "b"], {}, {"a": {"unreachable": 1}})
    assert lines == [
        "HOST  RELEASE  STATE",
        "a     ?        unreachable",
        "b     ?        not begun",
    ]


def test_rollout_lines_name_a_host_where_the_rollout_could_not_be_ended() -> None:
    ended: dict[str, dict[str, Any]] = {
        "a": {"live": "1.1"},
        "b": {"failed": True, "msg": "disk full\n"},
    }
    progress = close({"a": outcome(), "b": outcome()})
    assert report.rollout_lines(progress, ["a", "b"], {}, ended) == [
        "HOST  RELEASE  STATE",
        "a     1.1      live",
        "b     ?        live",
        "",
        "b: the rollout could not be ended there: disk full",
    ]


def reported(
    progress: dict[str, Any], planned: RolloutPlan, **registered: dict[str, Any]
) -> dict[str, Any]:
    """Return the report of hosts, each with what it registered at the end."""
    ended: dict[str, dict[str, Any]] = {
        host: {"rollout_ended": {"live": "1.1"}} for host in planned["order"]
    }
    return report.rollout_report(progress, planned, ended | registered)


FAILED = "Nothing resumes automatically: fix the cause and run the command again"


def test_rollout_report_of_a_rollout_that_succeeded_is_the_table_and_no_failure() -> None:
    assert reported(close({"shop1": outcome()}, {"shop2": outcome()}), plan(2, 1)) == {
        "lines": [
            "HOST   RELEASE  STATE",
            "shop1  1.1      live",
            "shop2  1.1      live",
        ],
        "failure": "",
    }


def test_rollout_report_fails_with_the_application_that_stopped() -> None:
    progress = close({"shop1": outcome(), "blog1": outcome("blog")}, {"shop2": outcome(**REFUSED)})
    reverted = {"rollout_reverted": {"changed": True}, "rollout_ended": {"live": "1.0"}}
    untouched = {"rollout_ended": {"live": "1.0"}}
    found = reported(progress, plan(3, 1, blog=1), shop1=reverted, shop2=untouched, shop3=untouched)
    assert found["lines"] == [
        "HOST   RELEASE  STATE",
        "shop1  1.0      reverted",
        "blog1  1.1      live",
        "shop2  1.0      refused",
        "shop3  1.0      not begun",
        "",
        "The rollout of shop failed:\nshop2: crashed at start\n  its journal",
    ]
    assert found["failure"] == f"the rollout failed (see above): shop. {FAILED}"


@pytest.mark.parametrize(
    "result", [{"failed": True, "msg": "disk full"}, {"unreachable": True, "msg": "timed out"}]
)
def test_rollout_report_fails_with_a_host_where_the_rollout_could_not_be_ended(
    result: dict[str, Any],
) -> None:
    progress = close({"shop1": outcome()}, {"shop2": outcome()})
    found = reported(progress, plan(2, 1), shop2={"rollout_ended": result})
    assert found["failure"] == f"the rollout failed (see above): shop2. {FAILED}"


def test_rollout_report_names_everything_that_failed_once() -> None:
    progress = close({"shop1": outcome(**REFUSED)}, {"blog1": outcome("blog", **REFUSED)})
    silent = {"rollout_ended": {"unreachable": True}}
    found = reported(progress, plan(1, 1, blog=1), blog1=silent)
    assert found["failure"].startswith("the rollout failed (see above): shop, blog, blog1. ")


def test_rollout_report_has_a_line_for_an_application_that_is_left_out() -> None:
    deployments = {
        host: {"app_name": host[:-1], "fleet_waves": [1, "100%"]}
        for host in ("shop1", "shop2", "shop3", "blog1")
    }
    told = "shop: nothing was released, because shop2 failed before the rollout began"
    planned = waves.plan_waves(deployments, ["shop2"])
    assert reported(close({"blog1": outcome("blog")}), planned)["lines"] == [
        "HOST   RELEASE  STATE",
        "blog1  1.1      live",
        told,
    ]
    # Nothing else is in the rollout: the line stands alone, without a table of no host.
    del deployments["blog1"]
    alone = reported({}, waves.plan_waves(deployments, ["shop2"]))
    assert alone == {"lines": [told], "failure": ""}


def test_filters_of_a_rollout_are_those_that_the_playbooks_use() -> None:
    filters = FilterModule().filters()
    planned = filters["plan_waves"]({})
    assert filters["plan_lines"](planned) == []
    progress = filters["close_wave"]({}, filters["wave_outcomes"]({"a": host()}, ["a"]))
    assert progress["hosts"]["a"]["state"] == "live"
    assert filters["soak_seconds"]({}, planned["last"]) == 0
    assert filters["rollout_report"](progress, planned, {}) == {"lines": [], "failure": ""}
    begun = {"releases": [{"id": "1.0", "module": "main:app"}]}
    assert filters["release_target"](begun, "shop", "1.0")["path"] == "/opt/shop/releases/1.0"


# What visitors get after the soak

FRONT: dict[str, Any] = {
    "nginx": {"active": True, "starting": False, "enabled": True},
    "https": {
        "status": 200,
        "error": "",
        "late": False,
        "certificate_current": True,
        "refused": "",
    },
    "maintenance_since": None,
}
NO_NGINX = FRONT | {"nginx": FRONT["nginx"] | {"active": False}}


def unserved(before: object, now: dict[str, Any], **server: Any) -> str:  # noqa: ANN401
    """Return why a host is not served, of what was seen at the beginning and after the soak."""
    state = {"servers": {"shop/web1": {"serves": True, "drained": False, "check": ""} | server}}
    found = waves.host_outcome(
        host(
            inventory_hostname="web1",
            rollout_begun={"front": before},
            wave_look={"state": HEALTHY | now},
            balancers_asked={"results": [{"__asked_balancer": "lb1", "state": state}]},
        ),
        {},
    )
    return found["unserved"]


@pytest.mark.parametrize(
    ("before", "now", "server", "told"),
    [
        (FRONT, FRONT, {}, ""),
        (FRONT, NO_NGINX, {}, "nginx is not running"),
        # It was so before, and the operator has been asked.
        (NO_NGINX, NO_NGINX, {}, ""),
        (None, {}, {}, ""),
        (FRONT, FRONT, {"serves": False, "check": "L4TOUT"}, "lb1 sends it no requests (its check"),
        (FRONT, FRONT, {"serves": False, "drained": True}, ""),
    ],
    ids=["served", "nginx died", "as before", "not asked", "down at a balancer", "drained"],
)
def test_outcome_says_whether_visitors_are_served_since(
    before: object, now: dict[str, Any], server: dict[str, Any], told: str
) -> None:
    found = unserved(before, now, **server)
    assert found.startswith(told)
    assert bool(found) == bool(told)


def test_wave_whose_visitors_are_not_served_fails() -> None:
    progress = close({"a": outcome(look=HEALTHY, unserved="nginx is not running")})
    assert progress["hosts"]["a"]["state"] == "unhealthy"
    assert progress["stopped"]["shop"] == (
        "a: is healthy, and visitors are not served: nginx is not running"
    )
    assert progress["to_revert"] == ["a"]


# An operator's wish, and looks at a soak


def test_wave_that_is_interrupted_ends_the_rollout_as_a_failure_does() -> None:
    outcomes = {"a": outcome(), "b": outcome()}
    found = waves.close_wave({}, outcomes, interrupted=True)
    assert found["stopped"] == {"shop": "interrupted by the operator (Ctrl-C)"}
    assert found["to_revert"] == ["a", "b"]
    assert waves.close_wave({}, outcomes)["stopped"] == {}


def test_wave_that_has_failed_says_why_although_it_is_interrupted() -> None:
    found = waves.close_wave({}, {"a": outcome(state="refused", reason="bad")}, interrupted=True)
    assert found["stopped"] == {"shop": "a: bad"}


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, []),
        (4, [104]),
        (10, [105, 110]),
        (12, [105, 110, 112]),
        (10.5, [105, 110.5]),
    ],
)
def test_soak_is_looked_at_every_five_seconds(seconds: float, expected: list[float]) -> None:
    assert waves.soak_moments(seconds, 100.0) == expected


def test_soak_of_a_day_is_looked_at_sixty_times() -> None:
    moments = waves.soak_moments(86_400, 0.0)
    assert len(moments) == 60
    assert moments[-1] == 86_400
