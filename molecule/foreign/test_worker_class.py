"""How many workers a slot has, and of which class: what status.yml and ps say of it."""

from __future__ import annotations

import json
from pathlib import Path

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
PLAIN = "uvicorn_worker.UvicornWorker"
WORKERS = 3


def children(shop: Shop, unit: str) -> set[int]:
    """Return the processes that the unit's main process has started, as ps sees them."""
    ps = shop.shell(f"ps -o pid= --ppid $(systemctl show --property=MainPID --value {unit})")
    return set(map(int, ps.split()))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "main.py").write_text(MAIN, encoding="utf-8")
    (folder / "requirements.txt").write_text("starlette\n", encoding="utf-8")
    return folder


def test_status_and_ps_agree_on_the_workers(shop: Shop, source: Path, tmp_path: Path) -> None:
    project = Project(shop, "classes")
    assert "does not drain" not in project.release(source, app_workers=WORKERS)
    file = tmp_path / "status.json"
    shop.succeed("status", status_file=str(file), **project.variables(source), app_workers=WORKERS)
    (state,) = json.loads(file.read_text(encoding="utf-8"))["hosts"].values()
    assert state["workers_planned"] == WORKERS
    assert [worker["healthy"] for worker in state["workers"]] == [True] * WORKERS
    seen = children(shop, f"classes@{state['live']['slot']}.service")
    assert seen == {worker["pid"] for worker in state["workers"]}
    # As the guides look for them: the master is one more.
    listed = shop.shell("ps aux | grep [g]unicorn | grep /classes/ | wc -l")
    assert int(listed) == WORKERS + 1

    # The plain class replaces it, serves as well, and says what it loses.
    said = project.release(source, app_workers=WORKERS, gunicorn_service_worker_class=PLAIN)
    assert f"{PLAIN} does not drain: each release, restart and rollback cuts WebSockets" in said
    slot = "green" if state["live"]["slot"] == "blue" else "blue"
    plain = children(shop, f"classes@{slot}.service")
    assert len(plain) == WORKERS
    assert int(project.ask()) in plain
