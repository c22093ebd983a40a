"""The action around the decisions of a rollout's beginning; their rules are tested with them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.task import Task
from ansible.template import Templar
from ansible_collections.asgi.fleet.plugins.action.rollout_gate import ActionModule

ADA = {"rollout": "r1", "who": "ada@laptop", "since": 1795241400}
LIVE = {"id": "1.1", "state": "live", "module": "main:app"}
PREVIOUS = {"id": "1.0", "state": "previous", "module": "main:app"}
BEGUN: dict[str, Any] = {
    "acquired": True,
    "ended": [],
    "live": "1.1",
    "releases": [LIVE, PREVIOUS],
}
LOCKED = BEGUN | {"acquired": False, "holder": ADA}
# The parts that ActionBase reads of what it never uses here: nothing connects.
CONNECTION = SimpleNamespace(_shell=SimpleNamespace(tmpdir="unused"))


def run(
    begun: dict[str, dict[str, Any]],
    require: str,
    hosts: list[str] | None = None,
    *,
    check_mode: bool = False,
    variables: dict[str, Any] | None = None,
    **more: object,
) -> dict[str, Any]:
    loader = DataLoader()
    task = Task.load({"action": "asgi.fleet.rollout_gate"})
    task.check_mode = check_mode
    task.args = {"require": require, "hosts": hosts or list(begun), **more}
    action = ActionModule(
        task=task,
        connection=CONNECTION,
        play_context=SimpleNamespace(check_mode=True, diff=False),
        loader=loader,
        templar=Templar(loader=loader, variables={}),
        shared_loader_obj=None,
    )
    known = dict(variables or {})
    deployment = {"app_name": "shop", "app_source": known.pop("source", {})}
    hostvars = {
        host: {"deployment": deployment, **known} | ({"rollout_begun": found} if found else {})
        for host, found in begun.items()
    }
    return dict(action.run(task_vars={"hostvars": hostvars}))


def test_gate_opens_with_all_locks_held() -> None:
    assert run({"web1": BEGUN, "web2": BEGUN}, "locks") == {"changed": False, "stale": []}


def test_gate_leaves_out_hosts_of_a_later_batch() -> None:
    told = run({"web1": BEGUN | {"ended": ["r1"]}, "web2": LOCKED, "web3": {}}, "locks")
    assert told == {"changed": False, "stale": ["web2"]}


def test_gate_names_the_locks_of_a_rollout_that_has_ended() -> None:
    found = run({"web1": BEGUN | {"ended": ["r1"]}, "web2": LOCKED}, "locks")
    assert found == {"changed": False, "stale": ["web2"]}


def test_gate_is_shut_by_a_lock_of_another_rollout() -> None:
    result = run({"web1": BEGUN, "web2": LOCKED}, "locks")
    assert (result["failed"], result["changed"]) == (True, False)
    assert result["msg"].startswith("web2: shop is locked by ada@laptop since 2026-11-21 06:10:00")


def test_gate_looks_at_the_hosts_of_the_rollout_only() -> None:
    begun = {"web1": BEGUN, "web2": LOCKED | {"live": "", "releases": []}}
    assert run(begun, "locks", ["web1"])["stale"] == []
    assert not run(begun, "live", ["web1"]).get("failed")
    assert run(begun, "rollback", ["web1"])["release"] == "1.0"


def test_gate_wants_a_live_release_on_every_host() -> None:
    assert run({"web1": BEGUN, "web2": BEGUN}, "live") == {"changed": False}
    result = run({"web1": BEGUN, "web2": BEGUN | {"live": ""}}, "live")
    assert result["failed"] is True
    assert result["msg"].startswith("shop has no live release on web2; expected one; ")


@pytest.mark.parametrize(("release", "found"), [("", "1.0"), ("1.1", "1.1")])
def test_gate_chooses_the_release_to_go_back_to(release: str, found: str) -> None:
    chosen = run({"web1": BEGUN, "web2": BEGUN}, "rollback", release=release)
    assert chosen == {"changed": False, "release": found}


def test_gate_is_shut_without_a_release_to_go_back_to() -> None:
    result = run({"web1": BEGUN}, "rollback", release="0.9")
    assert result["failed"] is True
    assert result["msg"].startswith("release is 0.9 on web1; expected one of 1.1, 1.0; ")


DOWN = {
    "nginx": {"active": False, "starting": False, "enabled": True},
    "https": None,
    "maintenance_since": None,
}


@pytest.mark.parametrize(("unserved", "shown"), [("told", True), ("ignored", False)])
def test_gate_tells_of_a_host_that_serves_nobody_if_it_is_to(
    capsys: pytest.CaptureFixture[str], unserved: str, shown: bool
) -> None:
    found = run({"web1": BEGUN | {"front": DOWN}}, "locks", unserved=unserved)
    assert found == {"changed": False, "stale": []}
    assert ("visitors are not served" in capsys.readouterr().out) == shown


@pytest.mark.parametrize("check_mode", [False, True])
def test_gate_is_shut_by_a_host_that_serves_nobody_but_in_check_mode(
    capsys: pytest.CaptureFixture[str], check_mode: bool
) -> None:
    begun = {"web1": BEGUN | {"front": DOWN}}
    result = run(begun, "locks", check_mode=check_mode, unserved="refused")
    assert bool(result.get("failed")) == (not check_mode)
    told = result["msg"] if not check_mode else capsys.readouterr().out
    assert "nginx is not running" in told


def wanting(kind: str, version: str, **gate: Any) -> dict[str, Any]:  # noqa: ANN401
    source = {"type": kind, "version": version}
    live = LIVE | {"built_at": 2, "commit": "", "source": {"type": kind, "version": "1.1"}}
    packed = {"release_id": f"{version}-x", "commit": "", "shown": source}
    return run(
        {"web1": BEGUN | {"releases": [live]}},
        "newer",
        variables={"__python_release_packed": packed, "source": source},
        **gate,
    )


def test_gate_is_shut_by_a_release_that_is_older_than_what_is_live() -> None:
    result = wanting("package", "1.0")
    assert result["failed"] is True
    assert result["msg"].startswith(
        "web1 runs 1.1, and this release (version 1.0) would go back to 1.0-x: 1.0 < 1.1; "
    )


def test_gate_opens_for_an_older_release_that_is_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert wanting("package", "1.0", allow_older=True) == {"changed": False}
    assert "web1: back to 1.0-x from 1.1 (1.0 < 1.1)" in capsys.readouterr().out


def test_gate_opens_for_a_newer_release() -> None:
    assert wanting("package", "1.2") == {"changed": False}
