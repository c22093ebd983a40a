"""What is done once for all hosts of an application, and is not the same on each of them."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.examination import (
    Examination,
    examine,
    judge,
)

SHOP: dict[str, Any] = {
    "app_name": "shop",
    "app_source": {"type": "git", "url": "https://git.example.com/shop.git", "version": "v1.4.0"},
    "app_domain": "www.example.com",
}
BOT = {"name": "bot", "command": "bot", "once_per_fleet": True}
REPORT = {"name": "report", "command": "report", "schedule": "daily", "once_per_fleet": True}
HOOKS = {"before_rollout": ["migrate"]}


def fleet(**hosts: dict[str, Any]) -> dict[str, Examination]:
    return {host: examine(SHOP | changes, host=host) for host, changes in hosts.items()}


def lines(
    examinations: dict[str, Examination], others: dict[str, Examination] | None = None
) -> list[str]:
    return [problem.line(len(examinations)) for problem in judge(examinations, others)]


@pytest.mark.parametrize(
    ("variable", "entry", "elsewhere"),
    [
        ("app_processes", BOT, []),
        ("app_processes", BOT, [BOT | {"once_per_fleet": False}]),
        ("app_timers", REPORT, []),
    ],
)
def test_singleton_of_one_host_alone_is_refused(
    variable: str, entry: dict[str, Any], elsewhere: list[Any]
) -> None:
    hosts = fleet(web1={variable: elsewhere}, web2={variable: [entry]})
    assert lines(hosts) == [
        f"web2, web1: {variable}.{entry['name']} is once_per_fleet on web2, and not on web1; "
        "expected the same on all hosts of shop, since it runs on one of them and moves; "
        "set it in group_vars/app.yml"
    ]


def test_host_that_the_run_leaves_out_counts() -> None:
    others = fleet(web2={})
    [line] = lines(fleet(web1={"app_timers": [REPORT]}), others)
    assert line.startswith("web1, web2: app_timers.report is once_per_fleet on web1, and not on")


def test_the_rest_may_differ() -> None:
    bigger = {"app_processes": [BOT | {"memory_mb": 512}, {"name": "queue", "command": "queue"}]}
    assert lines(fleet(web1={"app_processes": [BOT]}, web2=bigger)) == []
    other = {"app_name": "blog", "app_domain": "blog.example.com"}
    assert lines(fleet(web1={"app_processes": [BOT]}, web2=other)) == []


@pytest.mark.parametrize("phase", ["before_rollout", "after_rollout"])
def test_hook_that_the_first_host_does_not_have_is_refused(phase: str) -> None:
    hosts = fleet(web1={}, web2={"app_hooks": {phase: ["migrate"]}})
    assert lines(hosts) == [
        f"web1, web2: app_hooks.{phase} is set on web2, and not on web1, where a rollout runs it; "
        "expected the same commands on all hosts of shop, since they run once; "
        "set it in group_vars/app.yml"
    ]


def test_hook_of_the_first_host_alone_runs() -> None:
    assert lines(fleet(web1={"app_hooks": HOOKS}, web2={})) == []
    each = {"app_hooks": {"before_activate": ["warm"]}}
    assert lines(fleet(web1={}, web2=each)) == []


def test_what_is_wrong_is_not_compared() -> None:
    [line] = lines(fleet(web1={"app_processes": [1]}, web2={"app_processes": [BOT]}))
    assert line.startswith("web1: app_processes[0] is 1;")
