"""How many workers a slot has, and of which class: what status.yml and ps say of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from events import Shop
from projects import Project

MAIN = """\
import os

from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

app = Starlette(routes=[Route("/healthz", lambda request: PlainTextResponse(str(os.getpid())))])
"""
OURS = "draining_worker.DrainingWorker"
PLAIN = "uvicorn_worker.UvicornWorker"
WORKERS = 3


def look(project: Project, variables: dict[str, Any], file: Path) -> dict[str, Any]:
    """Return the state of the project's host, as status.yml writes it."""
    project.shop.succeed("status", status_file=str(file), **variables)
    (state,) = json.loads(file.read_text(encoding="utf-8"))["hosts"].values()
    return dict(state)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "main.py").write_text(MAIN, encoding="utf-8")
    (folder / "requirements.txt").write_text("starlette\n", encoding="utf-8")
    return folder


def test_status_and_ps_agree_on_the_workers_of_either_class(
    shop: Shop, source: Path, tmp_path: Path
) -> None:
    project = Project(shop, "classes")
    for worker_class in (OURS, PLAIN):
        given = {"app_workers": WORKERS, "gunicorn_service_worker_class": worker_class}
        said = project.release(source, **given)
        assert ("does not drain" in said) is (worker_class == PLAIN)
        state = look(project, project.variables(source) | given, tmp_path / "status.json")
        assert state["workers_planned"] == WORKERS
        assert [worker["healthy"] for worker in state["workers"]] == [True] * WORKERS
        unit = f"classes@{state['live']['slot']}.service"
        ps = shop.shell(f"ps -o pid= --ppid $(systemctl show --property=MainPID --value {unit})")
        assert sorted(map(int, ps.split())) == sorted(one["pid"] for one in state["workers"])
        # As the guides look for them: the master is one more.
        seen = shop.shell("ps aux | grep [g]unicorn | grep /classes/ | wc -l")
        assert int(seen) == WORKERS + 1
        assert int(project.ask()) in map(int, ps.split())
