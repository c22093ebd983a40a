"""The action around sources: its answer, the same in check mode, and its refusals."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.task import Task
from ansible.template import Templar
from ansible_collections.asgi.fleet.plugins.action.source import ActionModule

Run = Callable[..., dict[str, Any]]
# The parts that ActionBase reads of what it never uses here: nothing connects.
CONNECTION = SimpleNamespace(_shell=SimpleNamespace(tmpdir="unused"))


def run_source(*, check_mode: bool = False, **args: object) -> dict[str, Any]:
    loader = DataLoader()
    task = Task.load({"action": "asgi.fleet.source", "check_mode": check_mode})
    task.args = args
    action = ActionModule(
        task=task,
        connection=CONNECTION,
        play_context=SimpleNamespace(check_mode=check_mode, diff=False),
        loader=loader,
        templar=Templar(loader=loader, variables={}),
        shared_loader_obj=None,
    )
    return dict(action.run(task_vars={}))


@pytest.fixture
def project(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "main.py").write_text("app = FastAPI()\n")
    return {"type": "path", "path": str(tmp_path / "shop")}


@pytest.mark.parametrize("check_mode", [False, True])
def test_source_packs_in_check_mode_as_well(
    project: dict[str, str], tmp_path: Path, check_mode: bool
) -> None:
    cache = tmp_path / "cache"
    answer = run_source(source=project, cache=str(cache), check_mode=check_mode)
    assert not answer.get("failed")
    assert answer["changed"] is False
    assert answer["release_id"].startswith("src-")
    assert (answer["kind"], answer["commit"], answer["requirement"]) == ("tree", "", "")
    assert answer["shown"] == project
    assert [str(path) for path in cache.iterdir()] == [answer["archive"]]
    assert cache.stat().st_mode & 0o077 == 0


def test_source_id_depends_on_the_ingredients(project: dict[str, str], tmp_path: Path) -> None:
    def release_id(*ingredients: str) -> str:
        answer = run_source(
            source=project, cache=str(tmp_path / "cache"), ingredients=list(ingredients)
        )
        return str(answer["release_id"])

    assert release_id("main:app", "3.13") == release_id("main:app", "3.13")
    assert release_id("main:app", "3.13") != release_id("main:app", "3.14")


def test_source_that_cannot_be_had_says_why(tmp_path: Path) -> None:
    answer = run_source(source={"type": "path", "path": "/no/such"}, cache=str(tmp_path / "cache"))
    assert answer["failed"]
    assert answer["changed"] is False
    assert answer["msg"] == (
        "/no/such is not a folder of the controller; set app_source.path to one"
    )


def test_source_cache_may_be_below_the_home_folder(
    project: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    answer = run_source(source=project, cache="~/.cache/asgi-fleet")
    assert Path(answer["archive"]).parent == tmp_path / ".cache" / "asgi-fleet"
