"""The controller's part of tune.yml: what is asked, which numbers, and what comes of it."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible import context
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.task import Task
from ansible.template import Templar
from ansible.utils import vars as ansible_vars
from ansible.utils.context_objects import CLIArgs
from ansible_collections.asgi.fleet.plugins.action import tuning as tuning_action
from ansible_collections.asgi.fleet.plugins.action.tuning import ActionModule

CONNECTION = SimpleNamespace(_shell=SimpleNamespace(tmpdir="unused"))
WEB1 = {
    "deployment": {"app_name": "shop", "app_workers": "auto"},
    "gunicorn_service_worker_memory_mb": 64,
}
REQUEST = {"workers": [], "seconds": 10, "rounds": 3, "connections": 64, "write": False}
PLAN = {"by_memory": 7, "by_connections": None, "slot_mb": 896, "worker_memory_mb": 64}


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the operator sees."""
    shown: list[str] = []
    monkeypatch.setattr(tuning_action.display, "display", shown.append)
    return shown


@pytest.fixture
def inventory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of an inventory, and a command line without variables."""
    folder = tmp_path / "inventory" / "production"
    folder.mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    typed(monkeypatch)
    return folder


def typed(monkeypatch: pytest.MonkeyPatch, *options: str) -> None:
    """Set what stands after each -e."""
    monkeypatch.setattr(context, "CLIARGS", CLIArgs({"extra_vars": options}))
    # Ansible keeps what it has read.
    monkeypatch.delattr(ansible_vars.load_extra_vars, "extra_vars", raising=False)


def step(
    name: str,
    options: dict[str, Any],
    variables: dict[str, Any] | None = None,
    inventory: Path | None = None,
    balancers: tuple[str, ...] = ("lb1",),
) -> dict[str, Any]:
    loader = DataLoader()
    if inventory:
        loader.set_basedir(str(inventory.parents[1] / "playbooks"))
    task = Task.load({"action": "asgi.fleet.tuning"})
    task.args = {"step": name, **options}
    action = ActionModule(
        task=task,
        connection=CONNECTION,
        play_context=SimpleNamespace(check_mode=False, diff=False),
        loader=loader,
        templar=Templar(loader=loader, variables={}),
        shared_loader_obj=None,
    )
    hostvars = {"web1": WEB1 | (variables or {}), "web2": WEB1 | (variables or {})}
    groups = {"app": ["web1", "web2"], "balancer": list(balancers)}
    sources = [str(inventory)] if inventory else []
    return dict(
        action.run(
            task_vars={
                "hostvars": hostvars,
                "groups": groups,
                "ansible_inventory_sources": sources,
            }
        )
    )


def measured(workers: int, rps: float, problem: str = "") -> dict[str, Any]:
    return {
        "workers": workers,
        "round": 1,
        "rps": rps,
        "p50_ms": 5.0,
        "p99_ms": 40.0,
        "memory_mb": 45.0 * workers,
        "largest_mb": 50.0,
        "connections": {},
        "busy_percent": 1.0,
        "steal_percent": 0.0,
        "problem": problem,
    }


def report(inventory: Path | None, **more: Any) -> dict[str, Any]:  # noqa: ANN401
    options = {
        "host": "web1",
        "request": REQUEST,
        "plan": PLAN,
        "measured": [measured(1, 1000), measured(2, 1900), measured(3, 1910)],
        "release": "1.0-aa",
    }
    return step("report", options | more, inventory=inventory)


def test_host_and_variables_are_checked_together() -> None:
    found = step("check", {"hosts": ["web1", "web2"]}, {"tune": "web2", "tune_workers": "1,2"})
    assert (found["host"], found["request"]["workers"]) == ("web2", [1, 2])
    bad = {"tune": "web2", "tune_rounds": 0, "tune_requests": [{"path": "x"}]}
    told = step("check", {"hosts": ["web1", "web2"]}, bad)["msg"]
    assert "tune_rounds is 0; expected" in told
    assert "tune_requests[0].path is x; expected" in told


def test_host_that_is_not_named_is_refused() -> None:
    assert "tune is not set; expected the host" in step("check", {"hosts": ["web1"]})["msg"]


def test_host_with_visitors_is_refused() -> None:
    found = step("check", {"hosts": ["web1"]}, {"tune": "web1"}, balancers=())
    assert "tune_while_serving is not set, and there is no group balancer" in found["msg"]


def test_series_says_what_will_be_done_and_for_how_long(shown: list[str]) -> None:
    capacity = {"cores": 2, "memory_bytes": 4 * 1024**3}
    options = {"host": "web1", "request": REQUEST, "capacity": capacity}
    found = step("series", options)
    assert [one["workers"] for one in found["plan"]["steps"]] == [1, 2, 3, 4, 5, 6]
    assert "measures 1, 2, 3, 4, 5, 6 workers on web1; rounds: 3, of 10 s for each" in shown[0]
    assert "minutes: about 6;" in shown[0]
    assert "tune_requests is empty: the load is the health path, which says little" in shown[0]


def test_report_has_a_table_a_plot_and_a_reason(inventory: Path, shown: list[str]) -> None:
    found = report(inventory)
    assert found["recommendation"]["workers"] == 2
    assert "<- recommended" in shown[0]
    assert "2 workers: 1,900 requests a second" in shown[0]
    assert "to keep it: app_workers: 2 in inventory/production/host_vars/web1.yml" in shown[0]
    folder = inventory.parent / "rollouts" / "production"
    (plot,), (document,) = folder.glob("tune-*-shop-web1.svg"), folder.glob("tune-*.json")
    assert "shop 1.0-aa on web1" in plot.read_text()
    assert len(json.loads(document.read_text())["measured"]) == 3
    assert not (inventory / "host_vars").exists()


def test_nothing_is_written_where_nothing_is_wanted(inventory: Path, shown: list[str]) -> None:
    report(inventory, directory="none")
    assert not (inventory.parent / "rollouts").exists()
    assert "plot:" not in shown[0]


def test_number_is_written_when_asked_for(inventory: Path, shown: list[str]) -> None:
    report(inventory, request=REQUEST | {"write": True})
    file = inventory / "host_vars" / "web1.yml"
    assert file.read_text().endswith("\napp_workers: 2\n")
    assert "wrote app_workers: 2 into inventory/production/host_vars/web1.yml; to app" in shown[0]


@pytest.mark.parametrize("where", ["the command line", "host_vars/web1.yml"])
@pytest.mark.usefixtures("shown")
def test_stronger_place_is_refused_by_name(
    inventory: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    if where == "the command line":
        typed(monkeypatch, "app_workers=9")
    else:
        beside = inventory.parents[1] / "playbooks" / "host_vars"
        beside.mkdir(parents=True)
        (beside / "web1.yml").write_text("app_workers: 9\n")
    told = report(inventory, request=REQUEST | {"write": True})["msg"]
    assert "app_workers is also set by " in told
    assert where in told
    assert not (inventory / "host_vars").exists()


def test_file_that_cannot_be_edited_is_refused_by_name(inventory: Path, shown: list[str]) -> None:
    (inventory / "host_vars").mkdir()
    (inventory / "host_vars" / "web1.yml").write_text("{a: 1}\n")
    told = report(inventory, request=REQUEST | {"write": True})["msg"]
    assert "app_workers could not be written: " in told
    assert told.endswith("; write it yourself: app_workers: 2")
    # What was measured is there all the same.
    assert "<- recommended" in shown[0]


def test_measurement_without_a_good_answer_is_a_failure_with_its_table(
    inventory: Path, shown: list[str]
) -> None:
    bad = "7 answers with status 500 of 90 requests"
    found = report(inventory, measured=[measured(1, 900, bad), measured(2, 900, bad)])
    assert found["failed"]
    assert found["msg"].startswith("web1: no number of workers was measured without errors: 1 w")
    assert f"does not count: round 1: {bad}" in shown[0]


@pytest.mark.usefixtures("shown")
def test_host_without_an_inventory_file_has_no_file_of_variables(inventory: Path) -> None:
    """As with `-i web1,`: what would be written was never read."""
    result = report(None, request=REQUEST | {"write": True}, directory="none")
    assert result["failed"]
    assert (
        "the inventory is no file; expected one, since host_vars beside it has app_workers"
        in (result["msg"])
    )
    assert not list(inventory.parents[1].rglob("host_vars"))
