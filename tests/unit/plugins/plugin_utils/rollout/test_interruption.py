"""The operator's wish to end: known to every process of the run, and to no other run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from ansible import constants
from ansible_collections.asgi.fleet.plugins.plugin_utils.rollout import interruption


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(tmp_path))
    monkeypatch.setattr(interruption, "_asked", False)
    return tmp_path


def test_nobody_has_asked_at_first() -> None:
    assert not interruption.asked()


def test_asked_says_so_and_leaves_a_mark(folder: Path) -> None:
    interruption.ask("ada@laptop")
    assert interruption.asked()
    assert (folder / interruption.MARK).read_text() == "ada@laptop"


def test_a_process_forked_before_sees_the_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    interruption.ask()
    monkeypatch.setattr(interruption, "_asked", False)
    assert interruption.asked()


def test_a_second_time_changes_nothing(folder: Path) -> None:
    interruption.ask("ada")
    interruption.ask("bob")
    assert (folder / interruption.MARK).read_text() == "ada"


def test_ask_holds_without_the_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(tmp_path / "gone"))
    interruption.ask()
    assert interruption.asked()


def test_another_run_is_not_asked(folder: Path) -> None:
    interruption.ask()
    script = (
        "from ansible_collections.asgi.fleet.plugins.plugin_utils.rollout import interruption;"
        "print(interruption.asked())"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": ".ansible/collections", "ANSIBLE_LOCAL_TEMP": str(folder)},
        cwd=Path(__file__).resolve().parents[5],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout.strip() == "False"
