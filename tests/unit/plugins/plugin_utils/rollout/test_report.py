"""What a rollout says at its end of what visitors get, and when it fails for it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.served import known_balancers
from ansible_collections.asgi.fleet.plugins.plugin_utils.rollout import report, waves

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
DOWN = FRONT | {"nginx": FRONT["nginx"] | {"active": False}}
UP = {"serves": True, "drained": False, "check": "L7OK/200"}
HAPROXY = {"active": True, "starting": False, "enabled": True}
ANSWER = {"status": 200, "error": "", "late": False, "certificate_current": None, "refused": ""}


def balancer(name: str = "lb1", unit: dict[str, bool] = HAPROXY, **more: Any) -> dict[str, Any]:  # noqa: ANN401
    state = {
        "units": {"haproxy.service": unit},
        "servers": {"shop/web1": UP, "shop/web2": UP},
        "answers": {"shop": ANSWER},
    }
    return {"__asked_balancer": name, "state": state | more}


def end(
    *fronts: dict[str, Any] | None,
    asked: list[dict[str, Any]] | None = None,
    deployment: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the report of a rollout over web1, web2 and so on, with what they meet."""
    hosts = [f"web{number}" for number in range(1, len(fronts) + 1)]
    deployments = {host: {"app_name": "shop", "fleet_waves": ["100%"]} for host in hosts}
    progress = {"hosts": {host: {"app": "shop", "state": "live"} for host in hosts}}
    hostvars = {
        host: {
            "rollout_ended": {"live": "1.1", "front": front},
            "balancers_asked": {"results": asked or []},
            "deployment": deployment or {},
        }
        for host, front in zip(hosts, fronts, strict=True)
    }
    return report.rollout_report(progress, waves.plan_waves(deployments), hostvars)


def test_live_is_what_visitors_get() -> None:
    told = end(FRONT, FRONT, asked=[balancer()])
    assert told == {
        "lines": ["HOST  RELEASE  STATE", "web1  1.1      live", "web2  1.1      live"],
        "failure": "",
    }


def test_host_whose_nginx_is_down_is_live_and_not_served() -> None:
    told = end(FRONT, DOWN)
    assert told["lines"] == [
        "HOST  RELEASE  STATE",
        "web1  1.1      live",
        "web2  1.1      live, but not served",
        "",
        "web2: nginx is not running; to do: systemctl status nginx; nginx -t; then systemctl start "
        "nginx",
    ]
    assert told["failure"] == "visitors are not served (see above): web2"


@pytest.mark.parametrize(
    ("front", "state", "failure"),
    [
        (FRONT | {"https": ANSWER | {"status": 502}}, "live, but not served", True),
        (FRONT | {"https": ANSWER | {"status": 421}}, "live, but not served", True),
        (FRONT | {"https": ANSWER | {"refused": "it expired"}}, "live, but not served", True),
        (FRONT | {"maintenance_since": 1790000000}, "live, in maintenance", False),
        (None, "live", False),
    ],
)
def test_row_says_what_visitors_get(
    front: dict[str, Any] | None, state: str, failure: bool
) -> None:
    told = end(front)
    assert told["lines"][1] == f"web1  1.1      {state}"
    assert bool(told["failure"]) == failure


def test_host_that_may_be_without_visitors_is_told_of_and_does_not_fail() -> None:
    told = end(DOWN, deployment={"fleet_allow_unserved": True})
    assert told["lines"][1] == "web1  1.1      live, but not served"
    assert told["failure"] == ""


def test_maintenance_that_goes_on_is_said_with_its_end() -> None:
    assert end(FRONT | {"maintenance_since": 1790000000})["lines"][3:] == [
        "web1: visitors get 503, the maintenance page; to end it: ansible-playbook "
        "playbooks/maintenance.yml -e maintenance=off"
    ]


def test_host_that_a_balancer_does_not_take_is_not_served() -> None:
    down = {"shop/web1": {"serves": False, "drained": False, "check": "L4TOUT"}}
    told = end(FRONT, asked=[balancer(servers=down)])
    assert told["lines"][1] == "web1  1.1      live, but not served"
    assert "web1: lb1 sends it no requests (its check: L4TOUT)" in told["lines"][3]
    assert told["failure"] == "visitors are not served (see above): web1"


def test_drained_host_is_said_to_be_and_does_not_fail() -> None:
    drained = {"shop/web1": {"serves": False, "drained": True, "check": "L7OK/200"}}
    told = end(FRONT, asked=[balancer(servers=drained)])
    assert told["lines"][1] == "web1  1.1      live, drained at lb1"
    assert told["failure"] == ""


STOPPED = HAPROXY | {"active": False}
NEW = STOPPED | {"enabled": False}
NOTHING: dict[str, Any] = {"servers": {}, "answers": {}}


@pytest.mark.parametrize(
    ("asked", "line", "failure"),
    [
        (
            [balancer(unit=STOPPED, **NOTHING)],
            "lb1: haproxy.service is not running; to do: journalctl -u haproxy.service; systemctl "
            "start haproxy.service",
            "visitors are not served (see above): lb1",
        ),
        (
            [balancer(unit=STOPPED, **NOTHING), balancer("lb2")],
            "lb1: haproxy.service is not running; to do: journalctl -u haproxy.service; systemctl "
            "start haproxy.service",
            "",
        ),
        (
            [{"__asked_balancer": "lb1", "unreachable": True, "msg": "timed out\nlong story"}],
            "lb1: whether it sends requests is not known: timed out",
            "",
        ),
        # Another application's site is none of this rollout's business.
        ([balancer(answers={"shop": ANSWER, "blog": ANSWER | {"status": 0}})], None, ""),
        (
            [balancer(answers={"shop": ANSWER | {"status": 503}})],
            "lb1: it answers the health path of shop with 503: no host of shop serves; to do: "
            "ansible-playbook playbooks/status.yml; ansible-playbook playbooks/balancer.yml",
            "visitors are not served (see above): lb1",
        ),
        # deploy.yml sets it up after the first release.
        ([balancer(unit=NEW, **NOTHING)], None, ""),
    ],
    ids=["down", "one of two down", "unreachable", "another site", "503", "not set up yet"],
)
def test_balancers_are_told_of_and_fail_the_run_when_none_serves(
    asked: list[dict[str, Any]], line: str | None, failure: str
) -> None:
    told = end(FRONT, asked=asked)
    assert told["lines"][1].endswith("live, but not served" if failure else "live")
    assert told["lines"][2:] == ([line] if line else [])
    assert told["failure"] == failure


def test_rollout_that_was_not_judged_asks_nobody() -> None:
    told = end(None, asked=[balancer(unit=STOPPED, **NOTHING)])
    assert told["failure"] == ""


@pytest.mark.parametrize("asked", [None, {}, {"skipped": True}, {"results": "odd"}])
def test_fleet_without_balancers_has_none(asked: object) -> None:
    assert known_balancers(asked) == {}


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("interrupted by the operator (Ctrl-C)", "the rollout was interrupted (see above): shop. "),
        ("web1: crashed at start", "the rollout failed (see above): shop. "),
    ],
)
def test_run_says_whether_it_failed_or_was_interrupted(reason: str, said: str) -> None:
    deployments = {"web1": {"app_name": "shop", "fleet_waves": ["100%"]}}
    progress = {
        "hosts": {"web1": {"app": "shop", "state": "live", "reason": ""}},
        "stopped": {"shop": reason},
    }
    hostvars: dict[str, Any] = {"web1": {"rollout_reverted": {"changed": True}}}
    told = report.rollout_report(progress, waves.plan_waves(deployments), hostvars)
    assert told["failure"].startswith(said)


def test_line_that_a_journal_repeats_is_told_once() -> None:
    deployments = {"web1": {"app_name": "shop", "fleet_waves": ["100%"]}}
    reason = "web1: it was not healthy:\n" + 40 * "  not healthy: no index\n"
    progress = {"hosts": {}, "stopped": {"shop": reason}}
    told = report.rollout_report(
        progress, waves.plan_waves(deployments), {"web1": {"rollout_ended": {"live": "1.1"}}}
    )
    assert told["lines"][-1].splitlines() == [
        "The rollout of shop failed:",
        "web1: it was not healthy:",
        "  not healthy: no index",
        "  (40 times)",
    ]
