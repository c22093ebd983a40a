"""The module around sources: its answer, the same in check mode, and its refusals."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.modules import source

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def project(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "main.py").write_text("app = None\n")
    return {"type": "path", "path": str(tmp_path / "shop")}


@pytest.mark.parametrize("check_mode", [False, True])
def test_source_packs_in_check_mode_as_well(
    run_module: Run, project: dict[str, str], tmp_path: Path, check_mode: bool
) -> None:
    cache = tmp_path / "cache"
    answer = run_module(source, source=project, cache=str(cache), _ansible_check_mode=check_mode)
    assert not answer["failed"]
    assert answer["changed"] is False
    assert answer["release_id"].startswith("src-")
    assert (answer["kind"], answer["commit"], answer["requirement"]) == ("tree", "", "")
    assert answer["source"] == answer["shown"] == project
    assert [str(path) for path in cache.iterdir()] == [answer["archive"]]
    assert cache.stat().st_mode & 0o077 == 0


def test_source_id_depends_on_the_ingredients(
    run_module: Run, project: dict[str, str], tmp_path: Path
) -> None:
    def release_id(*ingredients: str) -> str:
        answer = run_module(
            source, source=project, cache=str(tmp_path / "cache"), ingredients=list(ingredients)
        )
        return str(answer["release_id"])

    assert release_id("main:app", "3.13") == release_id("main:app", "3.13")
    assert release_id("main:app", "3.13") != release_id("main:app", "3.14")


def test_source_that_cannot_be_had_says_why(run_module: Run, tmp_path: Path) -> None:
    answer = run_module(
        source, source={"type": "path", "path": "/no/such"}, cache=str(tmp_path / "cache")
    )
    assert answer["failed"]
    assert answer["msg"] == (
        "/no/such is not a folder of the controller; set app_source.path to one"
    )
