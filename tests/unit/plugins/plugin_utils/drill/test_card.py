"""The scorecard passes what holds, and names what does not."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.drill import card
from ansible_collections.asgi.fleet.plugins.plugin_utils.drill.exercises import EXERCISES

HOSTS = ("web1", "web2")
OLD, NEW = "1.0.0-aaaaaaaa", "1.0.0-bbbbbbbb"
BY_NAME = {one.name: one.as_dict() for one in EXERCISES}


def state(release: str = OLD, **more: object) -> dict[str, Any]:
    return {
        "live": {"slot": "blue", "release": release},
        "workers_planned": 2,
        "workers": [{"healthy": True}, {"healthy": True}],
        "lock": None,
        "idle_enabled": [],
        "maintenance_since": None,
        "nginx": {"active": True, "starting": False, "enabled": True},
        "https": {
            "status": 200,
            "error": "",
            "late": False,
            "certificate_current": True,
            "refused": "",
        },
        "releases": [{"id": OLD}],
        **more,
    }


def load(failed: int = 0, **more: object) -> dict[str, Any]:
    return {
        "requests": 200,
        "failed": failed,
        "unanswered": 0,
        "retried": 0,
        "longest_gap": 0.08,
        "slowest": 0.2,
        "failed_by_server": {"web2": failed} if failed else {},
        "failures": [{"at": 1.0, "server": "web2", "why": "502"}] * min(failed, 5),
        **more,
    }


def seen(**more: Any) -> card.Seen:  # noqa: ANN401 (parts of it)
    """Return what is seen of an exercise that passes, with changes."""
    told = more.pop("load", load())
    good = {host: {"logged": {"requests": 100, "failed": 0}} for host in HOSTS}
    if told["failed"]:
        good["web2"]["logged"]["failed"] = told["failed"]
    known: dict[str, Any] = {
        "load": {"load": told},
        "logged": good,
        "fault": {"healed": 1.25},
        "playbook": None,
        "before": {host: state() for host in HOSTS},
        "after": {host: state() for host in HOSTS},
        "canary": ["web1"],
    }
    return card.Seen(**known | more)


def played(status: int, *, meant: bool = True) -> dict[str, Any]:
    end = "the end\nof it"
    return {"rc": status, "seconds": 31.0, "log": "/tmp/x.log", "end": end, "meant": meant}


def judge(name: str, **more: Any) -> card.Row:  # noqa: ANN401 (parts of it)
    return card.judged(BY_NAME[name], ["web2"], seen(**more))


PASSING: list[tuple[str, dict[str, Any]]] = [
    ("kill_worker", {}),
    ("kill_worker", {"load": load(4)}),
    ("kill_master", {}),
    ("reload_nginx", {}),
    ("restart", {"playbook": played(0)}),
    ("full_disk", {"playbook": played(2)}),
    ("bad_canary", {"playbook": played(2), "load": load(9, failed_by_server={"web1": 9})}),
    ("bad_canary", {"playbook": played(2), "load": load(9), "balanced": True}),
    ("good_release", {"playbook": played(0), "after": {host: state(NEW) for host in HOSTS}}),
    ("rollback", {"playbook": played(0)}),
    # The rollout could not reach it any more.
    (
        "host_lost",
        {
            "playbook": played(2),
            "after": {"web1": state(), "web2": state(lock={"who": "ada", "rollout": "x"})},
        },
    ),
]


@pytest.mark.parametrize(("name", "more"), PASSING)
def test_what_holds_passes(name: str, more: dict[str, Any]) -> None:
    row = judge(name, **more)
    assert (row.result, row.seen) == ("passed", [])


FAILING: list[tuple[str, dict[str, Any], str]] = [
    ("kill_worker", {"load": load(5)}, "5 of 200 requests failed; expected at most 4"),
    ("kill_master", {"load": load(1)}, "1 of 200 requests failed; expected none"),
    ("kill_master", {"fault": {"failed": True, "msg": "not healthy"}}, "not healthy"),
    ("reload_nginx", {"load": load(requests=0)}, "the load sent no request"),
    ("bad_start", {"playbook": played(0)}, "release.yml succeeded; expected it to be refused"),
    (
        "bad_start",
        {"playbook": played(2, meant=False)},
        "release.yml failed with status 2 for another reason; expected 'this release of a drill "
        "does not start' in its output (/tmp/x.log), the end of which is:",
    ),
    ("bad_canary", {"playbook": played(2), "load": load(3)}, "3 of 200 requests failed"),
    ("restart", {"playbook": played(4)}, "restart.yml failed with status 4"),
    ("good_release", {"playbook": played(0)}, f"web1 has {OLD} live; expected the new release"),
    (
        "rollback",
        {"playbook": played(0), "after": {host: state(NEW) for host in HOSTS}},
        f"web1 has {NEW} live; expected {OLD}",
    ),
    (
        "restart",
        {"playbook": played(0), "after": {"web1": state(), "web2": state(workers=[])}},
        "web2 has 0 of 2 workers healthy",
    ),
    (
        "restart",
        {"playbook": played(0), "after": {"web1": state(lock={"who": "a", "rollout": "b"})}},
        "web1 is locked by a (rollout b)",
    ),
    ("restart", {"playbook": played(0), "after": {}}, "web1 did not tell its state"),
    (
        "reload_nginx",
        {"after": {host: state(nginx={"active": False, "starting": False}) for host in HOSTS}},
        "web1 is not served: nginx is not running",
    ),
]


@pytest.mark.parametrize(("name", "more", "told"), FAILING)
def test_what_does_not_hold_fails_by_name(name: str, more: dict[str, Any], told: str) -> None:
    row = judge(name, **more)
    assert row.result == "FAILED"
    assert row.seen[0].startswith(told)


def test_nothing_is_known_without_a_load() -> None:
    row = card.judged(BY_NAME["restart"], [], card.Seen({"msg": "gone"}, {}, {}, None, {}, {}))
    assert row.seen == ["no load: gone"]


@pytest.mark.parametrize(
    ("logged", "more", "agrees"),
    [
        (200, {}, True),
        (199, {}, False),
        (201, {}, False),
        # Of a request without an answer, or asked twice, one cannot know.
        (201, {"retried": 1}, True),
        (200, {"failed": 1, "unanswered": 1}, True),
    ],
)
def test_the_log_must_say_what_the_load_says(
    logged: int, more: dict[str, Any], agrees: bool
) -> None:
    told = {"web1": {"logged": {"requests": logged, "failed": 0}}}
    row = judge("kill_worker", load=load(**more), logged=told)
    assert any("nginx's logs have" in line for line in row.seen) is not agrees


def test_the_end_names_each_release_that_is_left_or_lost() -> None:
    before = {"web1": state(), "web2": state()}
    after = copy.deepcopy(before)
    after["web1"]["releases"] = [{"id": OLD}, {"id": NEW}]
    after["web2"]["releases"] = []
    assert card.releases_differ(before, after) == [
        f"web1 keeps releases of the drill: {NEW}",
        f"web2 has lost releases: {OLD}",
    ]


def test_a_fleet_that_is_as_it_was_ends_well() -> None:
    rows = [judge("kill_master"), card.not_done(BY_NAME["host_lost"], [], "skipped", "1 host")]
    assert card.summary(rows, []) == ""
    assert card.lines(rows, [], OLD) == [
        "EXERCISE     ON    REQUESTS  FAILED  GAP    SLOWEST  HEALED  RESULT",
        "kill_master  web2  200       0       80 ms  200 ms   1.2 s   passed",
        "host_lost    all   -         -       -      -        -       skipped",
        "",
        "host_lost: skipped. A host lost to the controller in the middle of a release; expected: "
        "ended, everyone on the old release, no request lost",
        "  1 host",
        "",
        f"the fleet is as it was: {OLD} is live, no lock, nothing left",
    ]


def test_a_failure_and_what_is_left_fail_the_drill() -> None:
    rows = [judge("kill_master", load=load(1))]
    rows.append(card.not_done(BY_NAME["restart"], [], "not done", "it is not well"))
    assert card.summary(rows, ["web1 is locked"]) == (
        "the drill failed (failed: kill_master; not done: restart; the fleet is not as it was); "
        "see above"
    )
    assert card.lines(rows, ["web1 is locked"], OLD)[-2:] == [
        f"the fleet is NOT as it was (it had {OLD} live):",
        "  web1 is locked",
    ]


def test_further_exercises_stop_after_one_that_leaves_the_fleet_unfit() -> None:
    assert card.unfit(BY_NAME["restart"], seen()) == ""
    other = seen(after={host: state(NEW) for host in HOSTS})
    assert card.unfit(BY_NAME["restart"], other) == (
        f"after restart the fleet was not as expected: web1 has {NEW} live; expected {OLD}"
    )
