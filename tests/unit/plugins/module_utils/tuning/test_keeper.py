"""The keeper: one script that puts everything away, run here with a systemctl that only notes."""

from __future__ import annotations

import fcntl
import os
import subprocess
import time
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.host import systemd
from ansible_collections.asgi.fleet.plugins.module_utils.host.systemd import Refusal
from ansible_collections.asgi.fleet.plugins.module_utils.tuning import keeper
from ansible_collections.asgi.fleet.plugins.module_utils.tuning.place import TuneSlot, slot_of

LOCKED = '{"rollout": "tune-1", "who": "ada@laptop", "since": 1}'


@pytest.fixture
def slot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TuneSlot:
    """A slot with all of its files, and a live slot beside it."""
    commands = tmp_path / "bin"
    commands.mkdir()
    systemctl = commands / "systemctl"
    systemctl.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\n')
    systemctl.chmod(0o755)
    monkeypatch.setenv("PATH", f"{commands}:{os.environ['PATH']}")
    slot = slot_of(Application("shop", str(tmp_path)))
    live = slot.application.slot("blue")
    for path in (*slot.files.values(), slot.drop_in, *live.files.values()):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text("content")
    Path(slot.tool_folder, "root").mkdir(parents=True)
    Path(tmp_path, "var/lib/shop/rollout.lock").write_text(LOCKED)
    Path(slot.folder, "held").write_text("")
    return slot


def run(slot: TuneSlot, rollout: str = "tune-1") -> int:
    held = f"{slot.folder}/held"
    return subprocess.run(["sh", "-c", keeper.script(slot, held, rollout)], check=False).returncode


def test_keeper_stops_what_measures_and_leaves_nothing_of_it(
    slot: TuneSlot, tmp_path: Path
) -> None:
    assert run(slot) == 0
    left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    live = slot.application.slot("blue").files.values()
    assert set(left) == {"calls", "bin/systemctl", *(path[len(f"{tmp_path}/") :] for path in live)}
    calls = (tmp_path / "calls").read_text().splitlines()
    assert calls[:2] == [
        "stop --quiet asgi-fleet-shop-tune-load.service asgi-fleet-shop-tune-front.service",
        "stop --quiet shop@tune.service shop@tune.socket",
    ]
    assert not [call for call in calls if "blue" in call or "green" in call]


def test_lock_of_another_run_stays(slot: TuneSlot, tmp_path: Path) -> None:
    assert run(slot, "tune-2") == 0
    assert (tmp_path / "var/lib/shop/rollout.lock").read_text() == LOCKED


def test_keeper_waits_for_the_module_however_that_ends(slot: TuneSlot, tmp_path: Path) -> None:
    held = f"{slot.folder}/held"
    with Path(held).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        process = subprocess.Popen(["sh", "-c", keeper.script(slot, held, "tune-1")])
        time.sleep(0.3)
        assert process.poll() is None
        assert not (tmp_path / "calls").exists()
    assert process.wait(10) == 0
    assert not Path(slot.folder).exists()


def test_what_cannot_be_removed_is_a_failure(slot: TuneSlot, tmp_path: Path) -> None:
    rm = tmp_path / "bin" / "rm"
    rm.write_text("#!/bin/sh\nexit 1\n")
    rm.chmod(0o755)
    assert run(slot) != 0


def test_keeper_that_does_not_end_is_named(slot: TuneSlot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "PATIENCE_SECONDS", 0.2)
    monkeypatch.setattr(systemd, "show", lambda _unit: {"ActiveState": "active"})
    told = r"asgi-fleet-shop-tune-keeper\.service has not put the measurement away"
    with pytest.raises(Refusal, match=told), keeper.kept(slot, "tune-1"):
        pytest.fail("another one is still at work")
