"""The end of a rollout on the controller: what is shown, what is written where, and the failure."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.task import Task
from ansible.template import Templar
from ansible_collections.asgi.fleet.plugins.action import rollout_close
from ansible_collections.asgi.fleet.plugins.plugin_utils.rollout.waves import plan_waves

DEPLOYMENT = {
    "app_name": "shop",
    "app_domain": "shop.example.com",
    "app_source": {"type": "path", "path": "/srv/shop"},
    "app_workers": 2,
    "app_worker_memory_mb": 128,
    "fleet_waves": [1],
}
HOST = {
    "deployment": DEPLOYMENT,
    "rollout_begun": {"live": "1.0", "releases": []},
    "rollout_target": {"id": "1.1"},
}
PROGRESS = {"hosts": {"web1": {"app": "shop", "state": "live", "reason": ""}}, "stopped": {}}
ID = "20261128T101112-5f3a"
TABLE = ["HOST  RELEASE  STATE", "web1  1.1      live"]


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    folder = tmp_path / "inventory" / "production"
    folder.mkdir(parents=True)
    return folder


def run(inventory: Path, *, check_mode: bool = False, **more: object) -> dict[str, Any]:
    loader = DataLoader()
    task = Task.load({"action": "asgi.fleet.rollout_close"})
    task.check_mode = check_mode
    task.args = {
        "id": ID,
        "kind": "release",
        "who": "ada@laptop",
        "plan": plan_waves({"web1": DEPLOYMENT}),
        "progress": PROGRESS,
        "lines": TABLE,
        **more,
    }
    action = rollout_close.ActionModule(
        task=task,
        connection=SimpleNamespace(_shell=SimpleNamespace(tmpdir="unused")),
        play_context=SimpleNamespace(check_mode=check_mode, diff=False),
        loader=loader,
        templar=Templar(loader=loader, variables={}),
        shared_loader_obj=None,
    )
    variables = {"hostvars": {"web1": HOST}, "ansible_inventory_sources": [str(inventory)]}
    return dict(action.run(task_vars=variables))


def test_end_of_a_rollout_is_shown_and_kept_beside_the_inventory(
    inventory: Path,
) -> None:
    answer = run(inventory)
    assert not answer.get("failed")
    folder = inventory.parent / "rollouts" / "production"
    assert sorted(path.name for path in folder.iterdir()) == [
        f"{ID}-shop{suffix}" for suffix in (".html", ".json", ".txt")
    ]
    record = json.loads((folder / f"{ID}-shop.json").read_text())
    assert record == json.loads(json.dumps(answer["record"]))
    assert (record["who"], record["inventory"]) == ("ada@laptop", "production")
    assert answer["lines"][-len(TABLE) :] == TABLE
    assert any(f"{ID}-shop.html" in line for line in answer["lines"])


def test_folder_of_the_operator_is_taken(inventory: Path, tmp_path: Path) -> None:
    run(inventory, directory=str(tmp_path / "www"))
    assert (tmp_path / "www" / f"{ID}-shop.html").is_file()


def test_none_writes_nothing(inventory: Path) -> None:
    answer = run(inventory, directory="none")
    assert not (inventory.parent / "rollouts").exists()
    assert not any(line.startswith("page:") for line in answer["lines"])


def test_folder_that_cannot_be_written_is_told_and_fails_nothing(
    inventory: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    answer = run(inventory, directory=str(tmp_path / "file" / "below"))
    assert not answer.get("failed")
    told = "\n".join(answer["lines"])
    assert "the page of this rollout could not be written" in told
    assert "fleet_report_directory" in told


def test_failure_is_returned_for_a_task_that_fails(inventory: Path) -> None:
    answer = run(inventory, failure="the rollout failed (see above): web1")
    assert not answer.get("failed")
    assert answer["failure"] == "the rollout failed (see above): web1"
    assert answer["lines"][-1] == TABLE[-1]


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({"check_mode": True}, id="check mode"),
        pytest.param({"kind": ""}, id="what is no rollout"),
        pytest.param({"plan": {}}, id="what had not begun"),
    ],
)
def test_nothing_is_kept_of(inventory: Path, more: dict[str, Any]) -> None:
    answer = run(inventory, **more)
    assert not (inventory.parent / "rollouts").exists()
    assert "record" not in answer
    assert answer["lines"][-1] == TABLE[-1]


def test_end_before_the_waves_has_its_reasons_in_the_record(inventory: Path) -> None:
    answer = run(
        inventory,
        early=True,
        lines=["web1: cannot be built"],
        failure="stopped (see above)",
        progress={},
        ended={"web1": {"live": "1.0"}},
    )
    assert answer["failure"] == "stopped (see above)"
    assert answer["record"]["outcome"] == "refused"
    assert answer["record"]["reason"] == "web1: cannot be built"
    assert answer["record"]["hosts"]["web1"]["after"] == "1.0"
