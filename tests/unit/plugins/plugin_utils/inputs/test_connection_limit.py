"""`app_connections`: what is refused, when, and with which sum."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.connection_limit import (
    FEWER,
    connections,
    limit_problems,
    shares,
    unknown_counts,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.examination import (
    Examination,
    judge,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import Findings

SET = "set it in group_vars/app.yml"
LIMIT = {"per_worker": 5, "limit": 60, "other": 0, "per_process": 5, "per_timer": 5}


def host(
    workers: object, given: dict[str, int] | None = None, app: str = "shop", **beside: object
) -> Examination:
    limits = LIMIT if given is None else given
    return Examination(
        {"app_name": app, "app_workers": workers, "app_connections": limits, **beside}, machine=app
    )


def process(
    count: int | str, *, overlap: bool = True, once_per_fleet: bool = False
) -> dict[str, Any]:
    return {"name": "jobs", "count": count, "overlap": overlap, "once_per_fleet": once_per_fleet}


def timer(name: str, *, once_per_fleet: bool = False) -> dict[str, Any]:
    return {"name": name, "once_per_fleet": once_per_fleet}


def test_a_limit_is_normalised_and_none_is_none() -> None:
    findings = Findings("app_connections")
    assert connections({"per_worker": "5", "limit": 100}, findings) == {**LIMIT, "limit": 100}
    own = {"per_worker": 5, "limit": 100, "per_process": 0, "per_timer": "1"}
    assert connections(own, findings) == {**own, "other": 0, "per_timer": 1}
    assert connections({}, findings) == {}
    assert findings.problems == []


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (
            5,
            "app_connections is 5; expected a mapping such as {per_worker: 5, limit: 100}; " + SET,
        ),
        (
            {"limit": 100},
            f"app_connections.per_worker is not set; expected a number from 1 to 1000000; {SET}",
        ),
        (
            {"per_worker": 0, "limit": 100},
            f"app_connections.per_worker is 0; expected a number from 1 to 1000000; {SET}",
        ),
        (
            {"per_worker": 5, "limit": "many"},
            f"app_connections.limit is many; expected a number from 1 to 1000000; {SET}",
        ),
        (
            {"per_worker": 5, "limit": 100, "other": -1},
            f"app_connections.other is -1; expected a number from 0 to 1000000; {SET}",
        ),
        (
            {"per_worker": 5, "limit": 100, "pool": 1},
            "app_connections.pool is not a key; expected per_worker, limit, other, per_process, "
            "per_timer; remove it",
        ),
    ],
)
def test_what_is_no_limit_is_refused(value: object, told: str) -> None:
    findings = Findings("app_connections")
    connections(value, findings)
    assert [problem.message for problem in findings.problems] == [told]


@pytest.mark.parametrize(
    ("hosts", "told"),
    [
        ({"a": host(4)}, None),
        ({"a": host(3), "b": host(3)}, None),
        (
            {"a": host(4), "b": host(4)},
            "app_connections is a limit of 60, and shop would open 80: 8 workers on 2 hosts x 2 "
            "slots during a rollout x 5; without a rollout 40 would fit; expected at most 60; "
            + FEWER,
        ),
        (
            {"a": host(8), "b": host(8)},
            "app_connections is a limit of 60, and shop would open 160: 16 workers on 2 hosts x 2 "
            f"slots during a rollout x 5; expected at most 60; {FEWER}",
        ),
        ({"a": host("auto"), "b": host("auto")}, None),
        (
            {"a": host(5), "b": host("auto"), "c": host("auto")},
            "app_connections is a limit of 60, and shop would open 70: 7 workers on 3 hosts (with "
            "one worker on each of the 2 that have app_workers: auto) x 2 slots during a rollout x "
            "5; without a rollout 35 would fit; expected at most 60; " + FEWER,
        ),
        (
            {"a": host(1, {**LIMIT, "other": 55})},
            "app_connections is a limit of 60, and shop would open 65: 1 worker on 1 host x 2 "
            "slots during a rollout x 5 + 55 for others; without a rollout 60 would fit; expected "
            f"at most 60; {FEWER}",
        ),
        # A process runs in both slots for a moment, unless it must not.
        ({"a": host(2, app_processes=[process(4)])}, None),
        (
            {"a": host(3, app_processes=[process(4)])},
            "app_connections is a limit of 60, and shop would open 70: 3 workers on 1 host x 2 "
            "slots during a rollout x 5 + 40 for app_processes; without a rollout 35 would fit; "
            f"expected at most 60; {FEWER}",
        ),
        ({"a": host(4, app_processes=[process(4, overlap=False)])}, None),
        # Of what runs once in the fleet there is one.
        (
            {name: host(2, app_processes=[process(1, once_per_fleet=True)]) for name in ("a", "b")},
            None,
        ),
        (
            {
                name: host(
                    2,
                    app_processes=[process(1)],
                    app_timers=[timer("report"), timer("sync", once_per_fleet=True)],
                )
                for name in ("a", "b")
            },
            "app_connections is a limit of 60, and shop would open 75: 4 workers on 2 hosts x 2 "
            "slots during a rollout x 5 + 20 for app_processes + 15 for app_timers; without a "
            f"rollout 45 would fit; expected at most 60; {FEWER}",
        ),
        (
            {
                "a": host(
                    6,
                    {**LIMIT, "per_process": 0, "per_timer": 0},
                    app_processes=[process("cores")],
                    app_timers=[timer("report")],
                )
            },
            None,
        ),
        # Each application has a database of its own.
        ({"a": host(6), "b": host(6, app="blog")}, None),
    ],
)
def test_more_than_the_database_allows_is_refused(
    hosts: dict[str, Examination], told: str | None
) -> None:
    found = [problem.message for problem in limit_problems(hosts)]
    assert found == ([told] if told else [])
    assert [p.message for p in judge(hosts) if p.variable == "app_connections"] == found


def test_number_of_processes_that_only_a_host_knows_is_refused() -> None:
    hosts = {name: host(1, app_processes=[process("cores")]) for name in ("a", "b")}
    (problem,) = unknown_counts(hosts)
    assert problem.hosts == ("a", "b")
    assert problem.message == (
        "app_processes.jobs.count is cores; expected a number, since app_connections counts what "
        "the processes open; set a number, or app_connections.per_process: 0 if it opens none"
    )
    assert problem in judge(hosts)
    assert unknown_counts({"a": host(1, {}, app_processes=[process("cores")])}) == []


def test_hosts_that_limit_leaves_out_count_as_well() -> None:
    one, left_out = {"a": host(4)}, {"b": host(4, {})}
    (problem,) = limit_problems(one, left_out)
    assert (problem.hosts, "would open 80" in problem.message) == (("a",), True)
    assert limit_problems(one, {"b": host(4, {}, app="blog")}) == []


def test_processes_and_timers_of_hosts_that_limit_leaves_out_count_as_well() -> None:
    beside: dict[str, Any] = {"app_processes": [process(1)], "app_timers": [timer("report")]}
    one, left_out = {"a": host(2, **beside)}, {"b": host(2, {}, **beside)}
    (problem,) = limit_problems(one, left_out)
    assert "+ 20 for app_processes + 10 for app_timers" in problem.message
    left_out = {"b": host(2, app_processes=[process("cores")])}
    (problem,) = unknown_counts({"a": host(2)}, left_out)
    assert (problem.hosts, problem.variable) == (("a",), "app_processes")


def test_host_that_limit_leaves_out_counts_at_least_one_worker() -> None:
    """Of those that are deployed to, an invalid number is a problem of its own."""
    invalid = host(4, {})
    del invalid.deployment["app_workers"]
    (problem,) = limit_problems({"a": host(6)}, {"b": invalid})
    assert "would open 70: 7 workers on 2 hosts" in problem.message
    assert limit_problems({"a": host(6), "b": invalid}) == []


def test_each_host_gets_its_share() -> None:
    hosts: dict[str, Any] = {"a": host(2), "b": host("auto"), "c": host(9, {}, app="blog")}
    assert shares(hosts) == {
        "a": {"per_worker": 5, "share": 20},
        "b": {"per_worker": 5, "share": 40},
    }
    assert shares({"b": host("auto")}, {"a": host(2, {})}) == {"b": {"per_worker": 5, "share": 40}}
    # Processes and timers take theirs first.
    taken = host("auto", app_processes=[process(1)], app_timers=[timer("report")])
    assert shares({"a": taken}) == {"a": {"per_worker": 5, "share": 45}}
