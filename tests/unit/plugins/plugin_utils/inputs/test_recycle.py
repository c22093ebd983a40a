"""`app_recycle`: what is refused, and which turn each host gets."""

from __future__ import annotations

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.examination import Examination
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import Findings
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.recycle import (
    recycle,
    recycle_problems,
    turns,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.sizing.worker_class import DRAINING, PLAIN

SET = "set it in group_vars/app.yml"
AFTER = "expected a time from 10m to 30d, in minutes, hours or days, such as 12h"
MEMORY = 'expected a share of MemoryMax= from "20%" to "95%", in quotes'
NORMAL = {"after_seconds": 43200, "memory_percent": 80}


@pytest.mark.parametrize(
    ("value", "normal"),
    [
        ({"after": "12h", "memory": "80%"}, NORMAL),
        ({"after": "10m"}, {"after_seconds": 600, "memory_percent": 0}),
        ({"after": "30d"}, {"after_seconds": 30 * 86400, "memory_percent": 0}),
        ({"memory": "20%"}, {"after_seconds": 0, "memory_percent": 20}),
        ({}, {}),
    ],
)
def test_times_and_shares_are_normalised(value: object, normal: dict[str, int]) -> None:
    findings = Findings("app_recycle")
    assert recycle(value, findings) == normal
    assert findings.problems == []


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("12h", f'is 12h; expected a mapping such as {{after: 12h, memory: "80%"}}; {SET}'),
        ({"after": "5m"}, f".after is 5m; {AFTER}; {SET}"),
        ({"after": "31d"}, f".after is 31d; {AFTER}; {SET}"),
        ({"after": 12}, f".after is 12; {AFTER}; {SET}"),
        ({"memory": 80}, f".memory is 80; {MEMORY}; {SET}"),
        ({"memory": "99%"}, f".memory is 99%; {MEMORY}; {SET}"),
        ({"every": "12h"}, ".every is not a key; expected after and memory; remove it"),
    ],
)
def test_what_is_no_time_or_share_is_refused(value: object, told: str) -> None:
    findings = Findings("app_recycle")
    recycle(value, findings)
    separator = "" if told.startswith(".") else " "
    assert [one.message for one in findings.problems] == [f"app_recycle{separator}{told}"]


@pytest.mark.parametrize("plain", PLAIN)
def test_slot_that_loses_requests_is_not_recycled(plain: str) -> None:
    given = {"gunicorn_service_worker_class": plain}
    (problem,) = recycle_problems({"app_recycle": NORMAL}, given)
    assert problem.message == (
        f"app_recycle is set, and gunicorn_service_worker_class is {plain}; expected {DRAINING}, "
        "since a slot of another class loses requests when it stops; remove one of both"
    )
    assert recycle_problems({"app_recycle": {}}, given) == []
    assert recycle_problems({"app_recycle": NORMAL}, {}) == []


@pytest.mark.parametrize("seconds", [0, -60, 61, 600])
def test_host_that_would_miss_its_turns_is_refused(seconds: int) -> None:
    given: dict[str, object] = {"gunicorn_service_recycle_check_seconds": seconds}
    (problem,) = recycle_problems({"app_recycle": NORMAL}, given)
    assert problem.message == (
        f"gunicorn_service_recycle_check_seconds is {seconds}; expected a number of seconds from 1 "
        f"to 60, since a turn has two minutes in which a recycle may begin; {SET}"
    )
    assert recycle_problems({"app_recycle": {}}, given) == []
    # Of "often", `role_variables` says that it is no number.
    for fine in (1, "30", 60, "often"):
        given = {"gunicorn_service_recycle_check_seconds": fine}
        assert recycle_problems({"app_recycle": NORMAL}, given) == []


def host(app: str, wanted: dict[str, int], **more: object) -> Examination:
    return Examination(
        {"app_name": app, "app_recycle": wanted, "app_health_timeout": 60, "app_processes": []}
        | more
    )


def test_each_host_of_an_application_gets_a_turn_of_its_own() -> None:
    examined = {"b": host("shop", NORMAL), "c": host("blog", NORMAL), "d": host("shop", {})}
    left_out = {"a": host("shop", {})}
    assert turns(examined, left_out) == {
        "b": {**NORMAL, "place": 1, "hosts": 3, "start_seconds": 60},
        "c": {**NORMAL, "place": 0, "hosts": 1, "start_seconds": 60},
    }


@pytest.mark.parametrize(
    ("slow", "seconds"),
    [
        (host("shop", NORMAL, app_health_timeout=120), 120),
        (host("shop", NORMAL, app_processes=[{"overlap": True, "stop_timeout": 600}]), 120),
        (host("shop", NORMAL, app_processes=[{"overlap": False, "stop_timeout": 600}]), 720),
        # It has no turn.
        (host("shop", {}, app_health_timeout=120), 60),
        (host("blog", NORMAL, app_health_timeout=120), 60),
    ],
)
def test_all_hosts_have_the_turn_of_the_slowest(slow: Examination, seconds: int) -> None:
    """Turns of different lengths ran into each other: two hosts could recycle at once."""
    fast = host("shop", NORMAL)
    assert turns({"a": fast}, {"b": slow})["a"]["start_seconds"] == seconds
    assert turns({"a": fast, "b": slow})["a"]["start_seconds"] == seconds
