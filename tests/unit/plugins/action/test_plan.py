"""A plan is made, kept in its file, and compared with."""

from __future__ import annotations

import copy
import json
import stat
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.task import Task
from ansible.template import Templar
from ansible_collections.asgi.fleet.plugins.action import plan as plan_action
from ansible_collections.asgi.fleet.plugins.action.plan import ActionModule

from tests.unit.plugins.plugin_utils.plan.planned_fleet import (
    BEGUN,
    COMMITS,
    DEPLOYMENT,
    FINGERPRINT,
    NEW,
    OLD,
    PACKED,
    SLOT,
)

# The parts that ActionBase reads of what it never uses here: nothing connects.
CONNECTION = SimpleNamespace(_shell=SimpleNamespace(tmpdir="unused"))
HOLDER = {"rollout": "20261121T061000-5f3a", "who": "grace@ci", "since": 1795241400}


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the operator sees. No repository is asked for commits."""
    seen: list[str] = []
    monkeypatch.setattr(plan_action.display, "display", seen.append)
    monkeypatch.setattr(plan_action, "between", lambda *_: COMMITS)
    monkeypatch.setattr(plan_action, "relation", lambda *_: "after")
    return seen


def variables(**begun: object) -> dict[str, Any]:
    found = {
        "deployment": DEPLOYMENT,
        "plan_begun": {**BEGUN, **begun},
        "plan_fingerprint": FINGERPRINT,
        "__python_release_packed": PACKED,
        "gunicorn_service_result": SLOT,
    }
    return copy.deepcopy(found)


def run(
    folder: Path, hostvars: dict[str, dict[str, Any]] | None = None, **options: object
) -> dict[str, Any]:
    loader = DataLoader()
    task = Task.load({"action": "asgi.fleet.plan"})
    known = hostvars or {"web1": variables(), "web2": variables()}
    task.args = {
        "kind": "release",
        "hosts": list(known),
        "folder": str(folder),
        "by": "ada@laptop",
        **options,
    }
    action = ActionModule(
        task=task,
        connection=CONNECTION,
        play_context=SimpleNamespace(check_mode=False, diff=False),
        loader=loader,
        templar=Templar(loader=loader, variables={}),
        shared_loader_obj=None,
    )
    return dict(action.run(task_vars={"hostvars": known}))


def test_plan_is_shown_and_kept_for_its_owner_alone(tmp_path: Path, shown: list[str]) -> None:
    folder = tmp_path / "inventory" / "rollouts"
    answer = run(folder)
    [path] = folder.iterdir()
    assert path.name == f"plan-{answer['hash']}.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    kept = json.loads(path.read_text())
    assert (kept["hash"], kept["made_by"]) == (answer["hash"], "ada@laptop")
    assert kept["plan"]["hosts"]["web1"]["after"] == NEW
    assert "\n".join(kept["lines"]) in shown[0]
    assert "bbbbbbbbbb Add the cart" in shown[0]
    assert answer["changed"] is False


def test_plan_is_written_where_it_is_wanted_as_well(tmp_path: Path, shown: list[str]) -> None:
    assert shown == []
    wanted = tmp_path / "artifacts" / "plan.json"
    run(tmp_path / "kept", file=str(wanted))
    [kept] = (tmp_path / "kept").iterdir()
    assert wanted.read_text() == kept.read_text()


def test_plan_is_kept_nowhere_if_that_is_wanted(
    tmp_path: Path, shown: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run(Path("none"))
    assert list(tmp_path.iterdir()) == []
    assert "plan " in shown[0]


def test_plan_that_cannot_be_written_is_refused(tmp_path: Path, shown: list[str]) -> None:
    (tmp_path / "file").touch()
    answer = run(tmp_path / "file")
    assert answer["failed"]
    assert "cannot be written to" in answer["msg"]
    assert "fleet_report_directory" in answer["msg"]
    assert shown == []


def test_plan_has_the_same_hash_whoever_makes_it(tmp_path: Path, shown: list[str]) -> None:
    first = run(tmp_path, by="ada@laptop")
    second = run(tmp_path, by="grace@ci")
    assert first["hash"] == second["hash"]
    assert len(shown) == 2


def test_plan_that_still_holds_goes_on_without_its_file(tmp_path: Path, shown: list[str]) -> None:
    made = run(tmp_path / "one")
    answer = run(tmp_path / "another", state="compared", hash=made["hash"])
    assert not answer.get("failed")
    assert answer["plan"] == made["plan"]
    assert f"as the plan {made['hash']} saw them" in shown[1]


@pytest.mark.parametrize("by_file", [True, False])
def test_plan_that_has_been_overtaken_is_refused_by_what_moved(
    tmp_path: Path, shown: list[str], by_file: bool
) -> None:
    file = str(tmp_path / "plan.json")
    made = run(tmp_path / "kept", file=file)
    where = {"file": file} if by_file else {}
    folder = tmp_path / "elsewhere" if by_file else tmp_path / "kept"
    now = {"web1": variables(), "web2": variables(live="1.4.2-cccccccc")}
    answer = run(folder, now, state="compared", hash=made["hash"], **where)
    assert answer["failed"]
    assert made["hash"] in answer["msg"]
    assert "-e plan_only=true" in answer["msg"]
    assert f"web2: live release is 1.4.2-cccccccc; the plan saw {OLD}" in shown[1]


def test_plan_without_a_file_is_refused_with_the_way_out(tmp_path: Path, shown: list[str]) -> None:
    answer = run(tmp_path, state="compared", hash="f" * 16)
    assert answer["failed"]
    assert f"plan-{'f' * 16}.json" in answer["msg"]
    assert "-e plan_file=" in answer["msg"]
    assert shown == []


@pytest.mark.parametrize("state", ["made", "compared"])
def test_lost_host_has_no_plan(tmp_path: Path, shown: list[str], state: str) -> None:
    answer = run(tmp_path, state=state, hash="f" * 16, lost=["web3"])
    assert answer["failed"]
    assert answer["msg"].startswith("there is no plan, because web3 did not answer")
    assert list(tmp_path.iterdir()) == []
    assert shown == []


def test_fleet_on_which_a_rollout_runs_has_no_plan(tmp_path: Path, shown: list[str]) -> None:
    answer = run(tmp_path, {"web1": variables(), "web2": variables(holder=HOLDER)})
    assert answer["failed"]
    assert "web2: shop is locked by grace@ci" in answer["msg"]
    assert shown == []


def test_release_that_would_be_refused_as_older_has_no_plan(
    tmp_path: Path, shown: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan_action, "relation", lambda *_: "before")
    live = {**BEGUN["releases"][0], "source": DEPLOYMENT["app_source"]}
    answer = run(tmp_path, {"web1": variables(releases=[live])})
    assert answer["failed"]
    assert "-e fleet_allow_older=true" in answer["msg"]
    assert shown == []


def test_plan_steers_no_terminal(tmp_path: Path, shown: list[str]) -> None:
    live = {**BEGUN["releases"][0], "id": "1.0\x1b[2J"}
    run(tmp_path, {"web1": variables(live="1.0\x1b[2J", releases=[live])})
    assert "\x1b" not in shown[0]


def test_locked_hosts_are_as_the_plan_saw_them(tmp_path: Path, shown: list[str]) -> None:
    made = run(tmp_path)
    hosts = {"web1": variables(), "web2": variables()}
    for host, live in {"web1": OLD, "web2": "1.4.2-cccccccc"}.items():
        hosts[host] |= {"plan_compared": made, "rollout_begun": {"live": live}}
    answer = run(tmp_path, hosts, state="kept")
    assert answer["failed"]
    assert answer["msg"] == (
        f"web2: live release is 1.4.2-cccccccc; the plan saw {OLD}; "
        "look at a new plan: -e plan_only=true"
    )
    hosts["web2"]["rollout_begun"]["live"] = OLD
    assert not run(tmp_path, hosts, state="kept").get("failed")
    assert len(shown) == 1
