"""Each rule by which hosts on a new release are judged."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.rollout.canary_analysis import (
    INCIDENT,
    NOT_JUDGED,
    Limits,
    Pool,
    judge,
)

BOTH = Limits(max_error_ratio=0.01, max_p99_ms=500, min_requests=100)
LIMITS = "at most 1 % failed, p99 at most 500 ms"


def served(requests: int, errors: int = 0, slow: int = 0) -> dict[str, Any]:
    """Return a host's traffic; the slow requests took 600 ms, the others 20."""
    latency = {"20": requests - slow} | ({"600": slow} if slow else {})
    return {"requests": requests, "errors": errors, "latency_ms": latency}


def test_without_a_limit_nothing_is_judged() -> None:
    verdict = judge({"web1": served(1000, errors=1000)}, {}, Limits())
    assert verdict.ok
    assert verdict.lines == [NOT_JUDGED]


def test_too_few_requests_are_said_and_let_pass() -> None:
    verdict = judge({"web1": served(99, errors=99)}, {"web2": served(500)}, BOTH)
    assert verdict.ok
    assert verdict.reasons == []
    assert verdict.lines[-1] == "too few requests to judge: 99 of at least 100 (fleet_min_requests)"


def test_a_good_canary_is_shown_beside_the_others() -> None:
    verdict = judge({"web1": served(200, errors=1)}, {"web2": served(400, errors=2)}, BOTH)
    assert verdict.ok
    assert verdict.lines == [
        "web1: 1 of 200 requests failed (0.5 %), p99 20 ms",
        "not yet switched: 2 of 400 requests failed (0.5 %), p99 20 ms",
        f"within the limits: {LIMITS}",
    ]


def test_the_last_wave_has_nothing_to_compare_with() -> None:
    verdict = judge({"web1": served(200), "web2": served(200)}, {}, BOTH)
    assert verdict.ok
    assert verdict.lines == [
        "2 switched hosts: 0 of 400 requests failed (0 %), p99 20 ms",
        f"within the limits: {LIMITS}",
    ]


def test_too_many_errors_are_bad_with_both_numbers() -> None:
    verdict = judge({"web1": served(200, errors=10)}, {"web2": served(400)}, BOTH)
    assert not verdict.ok
    assert verdict.reasons == [
        "web1: 10 of 200 requests failed (5 %); allowed is at most 1 % (fleet_max_error_ratio); "
        "of the hosts not yet switched, 0 of 400 requests failed (0 %)"
    ]
    assert verdict.lines[-2:] == ["over the limits", *verdict.reasons]


def test_too_slow_is_bad_with_both_numbers() -> None:
    verdict = judge({"web1": served(200, slow=3)}, {"web2": served(400)}, BOTH)
    assert verdict.reasons == [
        "web1: the p99 is 600 ms; allowed is at most 500 ms (fleet_max_p99_ms); "
        "that of the hosts not yet switched is 20 ms"
    ]


@pytest.mark.parametrize("limit", [0.0, 0.01, 0.07, 0.3])
def test_exactly_at_the_limit_is_allowed(limit: float) -> None:
    limits = Limits(max_error_ratio=limit)
    errors = round(limit * 1000)
    assert judge({"web1": served(1000, errors)}, {}, limits).ok
    assert not judge({"web1": served(1000, errors + 1)}, {}, limits).ok


def test_a_p99_at_the_limit_is_allowed() -> None:
    assert judge({"web1": served(100, slow=100)}, {}, Limits(max_p99_ms=600)).ok
    assert not judge({"web1": served(100, slow=100)}, {}, Limits(max_p99_ms=599)).ok


def test_only_the_limit_that_is_set_counts() -> None:
    bad = {"web1": served(200, errors=200, slow=200)}
    assert len(judge(bad, {}, BOTH).reasons) == 2
    assert len(judge(bad, {}, Limits(max_p99_ms=500)).reasons) == 1
    assert "p99" not in judge(bad, {}, Limits(max_error_ratio=0.5)).reasons[0]


def test_an_incident_is_named_and_still_stops_the_rollout() -> None:
    verdict = judge({"web1": served(200, errors=10)}, {"web2": served(400, errors=40)}, BOTH)
    assert not verdict.ok
    assert INCIDENT in verdict.reasons[0]
    slow = judge({"web1": served(200, slow=10)}, {"web2": served(400, slow=40)}, BOTH)
    assert INCIDENT in slow.reasons[0]


def test_a_few_requests_of_the_others_are_no_incident() -> None:
    verdict = judge({"web1": served(200, errors=10)}, {"web2": served(99, errors=99)}, BOTH)
    assert not verdict.ok
    assert INCIDENT not in verdict.reasons[0]


def test_one_bad_host_among_good_ones_is_bad() -> None:
    hosts = {f"web{number}": served(1000) for number in range(1, 10)}
    verdict = judge(hosts | {"web10": served(200, errors=20)}, {}, BOTH)
    assert [reason.split(":")[0] for reason in verdict.reasons] == ["web10"]


def test_a_host_with_few_requests_is_judged_with_the_others_only() -> None:
    hosts = {"web1": served(10_000), "web2": served(99, errors=50)}
    assert judge(hosts, {}, BOTH).ok


def test_hosts_with_few_requests_are_judged_together() -> None:
    hosts = {"web1": served(60, errors=1), "web2": served(60, errors=1)}
    verdict = judge(hosts, {}, BOTH)
    assert [reason.split(":")[0] for reason in verdict.reasons] == ["2 switched hosts"]


def test_a_host_of_which_nothing_is_known_is_named() -> None:
    verdict = judge({"web1": served(200), "web2": None}, {"web3": None}, BOTH)
    assert verdict.ok
    assert "nothing is known of web2" in verdict.lines
    assert "not yet switched: no requests" in verdict.lines


def test_requests_without_a_time_have_no_p99() -> None:
    dead = {"requests": 200, "errors": 200, "latency_ms": {}}
    assert judge({"web1": dead}, {}, Limits(max_p99_ms=1)).ok
    verdict = judge({"web1": dead}, {}, BOTH)
    assert len(verdict.reasons) == 1
    assert verdict.lines[0] == "web1: 200 of 200 requests failed (100 %)"


@pytest.mark.parametrize(
    ("latency", "expected"),
    [
        ({}, None),
        ({"7": 1}, 7),
        ({"1": 99, "9": 1}, 1),
        ({"1": 98, "9": 2}, 9),
        ({"1000": 1, "20": 99, "3": 100}, 20),
        ({5: 100, 6: 1}, 5),
    ],
)
def test_p99_is_of_the_nearest_rank(latency: dict[Any, int], expected: int | None) -> None:
    pool = Pool.of([{"requests": 0, "errors": 0, "latency_ms": latency}])
    assert pool.p99() == expected
