"""The way back of a change, beyond what the tests of the firewall's show."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.host.session import Session
from ansible_collections.asgi.fleet.plugins.module_utils.host.undo import WayBack

SESSION = Session("192.0.2.1", 5000, "192.0.2.2", 22)


@pytest.fixture
def way_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WayBack:
    for name in ("systemctl", "systemd-run"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return WayBack("the log-in", "unit", tmp_path / "run")


def test_file_that_was_not_there_is_removed_and_another_put_back(
    way_back: WayBack, tmp_path: Path
) -> None:
    new, old = tmp_path / "new", tmp_path / "old file"
    old.write_text("before\n")
    old.chmod(0o640)
    way_back.begin(SESSION)
    way_back.start(60, way_back.save([new, old]))
    new.write_text("after\n")
    old.write_text("after\n")
    way_back.take_back()
    assert not new.exists()
    assert old.read_text() == "before\n"
    assert old.stat().st_mode & 0o777 == 0o640


def test_refusals_name_what_is_changed(way_back: WayBack) -> None:
    assert way_back.keep(SESSION) == "no change of the log-in waits for a decision"


def test_failing_command_does_not_keep_the_next_from_running(
    way_back: WayBack, tmp_path: Path
) -> None:
    way_back.begin(SESSION)
    way_back.start(60, ["false", f"touch {tmp_path}/next"])
    way_back.take_back()
    assert (tmp_path / "next").exists()
