"""What a plan has, and that it depends on nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.plan.document import (
    BalancerPlan,
    Document,
    HostFacts,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.plan.identity import hash_of

from tests.unit.plugins.plugin_utils.plan.planned_fleet import (
    NEW,
    NEW_COMMIT,
    OLD,
    OLD_COMMIT,
    bare,
    host,
    plan,
    unchanged,
)

HOOKS = {"before_rollout": [{"command": "alembic upgrade head", "timeout": 300}]}
RAN = {"hooks_done": [{"phase": "before_rollout", "release": NEW}]}


def test_document_names_releases_commits_and_waves() -> None:
    found = plan({"web1": host(), "web2": host()})
    app = found["apps"]["shop"]
    assert app["waves"] == [["web1"], ["web2"]]
    assert (app["release"], app["commit"]) == (NEW, NEW_COMMIT)
    assert app["commits"][OLD]["live"] == OLD_COMMIT
    assert app["commits"][OLD]["commits"] == [{"sha": NEW_COMMIT, "subject": "Add the cart"}]
    assert found["hosts"]["web1"]["cut_over"] == [f"release {OLD} -> {NEW}"]
    assert found["hosts"]["web1"]["build"] is True
    assert found["changes"] is True


def test_unchanged_fleet_changes_nothing_and_has_a_hash() -> None:
    found = plan({"web1": unchanged()})
    assert found["changes"] is False
    assert found["hosts"]["web1"]["cut_over"] == []
    assert found["apps"]["shop"]["commits"] == {}
    assert len(hash_of(found)) == 16


def test_bare_host_gets_its_first_release() -> None:
    found = plan({"web1": bare()})["hosts"]["web1"]
    assert (found["before"], found["after"]) == ("", NEW)
    assert found["cut_over"] == ["the first release"]
    assert found["build"] is True


def test_release_that_is_on_the_host_already_is_not_built() -> None:
    kept = {"id": NEW, "state": "kept", "commit": NEW_COMMIT, "source": {}, "built_at": 2}
    live = {"id": OLD, "state": "live", "commit": OLD_COMMIT, "source": {}, "built_at": 1}
    found = plan({"web1": host(begun={"releases": [kept, live]})})
    assert found["hosts"]["web1"]["build"] is False


def test_setting_that_differs_is_named_with_the_files_that_change() -> None:
    slot = {
        "reasons": [
            {"kind": "environment", "text": "environment changed"},
            {"kind": "settings", "text": "workers 2 -> 3"},
            {"kind": "service", "text": "service changed"},
        ],
        "environment": {"added": ["NEW"], "changed": ["LOG_LEVEL"], "removed": ["OLD"]},
    }
    found = plan({"web1": unchanged(slot=slot)})["hosts"]["web1"]
    assert found["settings"] == {"added": ["NEW"], "changed": ["LOG_LEVEL"], "removed": ["OLD"]}
    assert found["slot_files"] == ["service", "settings"]
    assert found["cut_over"] == ["environment changed", "workers 2 -> 3", "service changed"]


@pytest.mark.parametrize(
    ("hosts", "runs"),
    [
        ({"web1": host(), "web2": host()}, ["web1"]),
        ({"web1": host(), "web2": host(begun=RAN)}, []),
        (
            {"web1": host(begun={"hooks_done": [{"phase": "before_rollout", "release": OLD}]})},
            ["web1"],
        ),
    ],
    ids=["once", "it ran on another host", "it ran for another release"],
)
def test_hook_runs_once_for_a_release(hosts: dict[str, HostFacts], runs: list[str]) -> None:
    with_hooks = {
        name: host(deployment={"app_hooks": HOOKS}, begun=dict(facts.begun))
        for name, facts in hosts.items()
    }
    found = plan(with_hooks)["apps"]["shop"]["hooks"]
    assert found == {"before_rollout": {"commands": ["alembic upgrade head"], "hosts": runs}}


def test_hook_of_each_host_runs_where_a_slot_is_started() -> None:
    hooks = {"app_hooks": {"before_activate": [{"command": "warm up", "timeout": 5}]}}
    found = plan({"web1": host(deployment=hooks), "web2": unchanged(deployment=hooks)})
    assert found["apps"]["shop"]["hooks"]["before_activate"]["hosts"] == ["web1"]


def test_password_in_the_url_of_a_hook_is_left_out() -> None:
    command = {"command": "psql postgres://ada:hunter2@db/shop -f up.sql", "timeout": 5}
    found = plan({"web1": host(deployment={"app_hooks": {"before_rollout": [command]}})})
    assert "hunter2" not in json.dumps(found)
    assert found["apps"]["shop"]["hooks"]["before_rollout"]["commands"] == [
        "psql postgres://db/shop -f up.sql"
    ]


def test_two_applications_have_a_part_each() -> None:
    docs = {"app_name": "docs", "app_domain": ["docs.example.com"]}
    found = plan({"web1": host(), "web2": unchanged(deployment=docs)})
    assert found["apps"].keys() == {"shop", "docs"}
    assert found["apps"]["docs"]["waves"] == [["web2"]]


def test_provision_is_part_of_a_deployment() -> None:
    found = plan({"web1": unchanged(provision={"packages": ["tzdata", "curl"]})}, "deploy")
    assert found["hosts"]["web1"]["provision"] == {"packages": ["curl", "tzdata"]}
    assert found["changes"] is True
    assert "packages" in found["compared"]


def test_release_does_not_claim_to_have_compared_the_host() -> None:
    found = plan({"web1": unchanged()})
    assert "packages" not in found["compared"]
    assert "servers of the balancers" not in found["compared"]


def test_balancer_that_loses_a_server_is_a_change() -> None:
    lost: dict[str, BalancerPlan] = {"lb1": {"added": [], "removed": ["shop/web9"]}}
    assert plan({"web1": unchanged()}, "deploy", lost)["changes"] is True


def orders() -> list[Document]:
    one, two = host(), host(slot={"reasons": []})
    return [plan({"web1": one, "web2": two}), plan({"web1": two, "web2": one})]


def test_hash_depends_on_nothing_but_the_plan() -> None:
    first, second = orders()
    assert hash_of(first) == hash_of(second)
    again: dict[str, Any] = json.loads(json.dumps(first))
    assert hash_of(dict(reversed(again.items()))) == hash_of(first)


def test_hash_is_that_of_canonical_json() -> None:
    """Written down: a plan that was made yesterday is compared by the code of today."""
    assert hash_of({"b": ["ü"], "a": 1}) == "b977634cc792c923"


@pytest.mark.parametrize(
    "changed",
    [
        {"packed": {"release_id": "1.4.2-aaaaaaaa"}},
        {"begun": {"live": ""}},
        {"fingerprint": {"machine": "f" * 16}},
        {"fingerprint": {"variables": {"app_env.LOG_LEVEL": "9" * 16}}},
        {"provision": {"sysctl": ["net.core.somaxconn"]}},
    ],
    ids=["release", "live", "machine", "variable", "provision"],
)
def test_hash_is_another_one_when_anything_differs(changed: dict[str, Any]) -> None:
    assert hash_of(plan({"web1": host(**changed)})) != hash_of(plan({"web1": host()}))
