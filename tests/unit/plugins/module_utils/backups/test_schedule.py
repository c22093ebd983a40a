"""The timer that makes backups without a controller: its files, and its program."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.backups import record, schedule, timer
from ansible_collections.asgi.fleet.plugins.module_utils.host import program, systemd
from ansible_collections.asgi.fleet.plugins.module_utils.slots import singletons
from ansible_collections.asgi.fleet.plugins.module_utils.timers import following
from ansible_collections.asgi.fleet.plugins.module_utils.timers.units import BackupTimer

from tests.unit.plugins.module_utils.slot_host import Host

CONFIG: dict[str, Any] = {
    "name": "shop",
    "command": "true",
    "check": "true",
    "timeout": 60,
    "keep": 7,
    "public_names": [],
    "sandbox": {},
    "memory_max": "50%",
}


TIMER, SERVICE = "shop-backup.timer", "shop-backup.service"


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    """A host on which a release is live, and what runs once in the fleet."""
    (tmp_path / "etc/systemd/system").mkdir(parents=True)
    host = Host(tmp_path)
    monkeypatch.setattr(systemd, "systemctl", host.systemctl)
    monkeypatch.setattr(schedule, "require_calendar", lambda *_, **__: None)
    Path(host.application.live_link).symlink_to(host.application.slot("blue").socket)
    Path(host.application.singletons).touch()
    return host


@pytest.fixture
def other(host: Host) -> Host:
    """A host of a fleet in which another one has that."""
    Path(host.application.singletons).unlink()
    return host


def calls(host: Host) -> list[str]:
    return [call for call, _live in host.calls]


def elapses(host: Host) -> bool:
    """Tell whether the timer does so, now and after a boot; never one without the other."""
    now = host.states.get(TIMER, {}).get("ActiveState") == "active"
    assert now == (TIMER in host.enabled) == record.look(host.application)["timer"]
    return now


def set_up(host: Host, when: str = "daily", *, check_mode: bool = False) -> list[str]:
    host.calls.clear()
    return schedule.schedule(host.application, CONFIG, when, check_mode=check_mode)


def test_timer_is_written_and_starts_the_first_backup(host: Host) -> None:
    files = set_up(host, "03:30")
    assert [Path(path).name for path in files] == ["backup.pyz", "backup.json", SERVICE, TIMER]
    assert calls(host) == [
        f"enable {TIMER}",
        "daemon-reload",
        f"start {TIMER}",
        f"start --no-block {SERVICE}",
    ]
    assert "\nOnCalendar=03:30\n" in Path(files[3]).read_text()
    assert f"-B {files[0]} {files[1]}\n" in Path(files[2]).read_text()
    assert json.loads(Path(files[1]).read_text()) == CONFIG
    assert elapses(host)
    assert not host.changed_on_disk()


def test_host_that_has_not_what_runs_once_only_has_the_files(other: Host) -> None:
    assert len(set_up(other)) == 4
    assert calls(other) == ["daemon-reload"]
    assert not elapses(other)
    assert record.look(other.application)["units"]
    assert set_up(other) == []


def test_second_time_changes_nothing(host: Host) -> None:
    set_up(host)
    assert set_up(host) == []
    assert calls(host) == []


def test_other_schedule_writes_the_timer_alone_and_counts_from_now(host: Host) -> None:
    set_up(host)
    record.note(host.application, GOOD)
    stamp = Path(BackupTimer(host.application).stamp)
    stamp.parent.mkdir(parents=True)
    stamp.touch()
    os.utime(stamp, (1, 1))
    assert [Path(path).name for path in set_up(host, "hourly")] == [TIMER]
    # There is a good one: none is begun.
    assert calls(host) == ["daemon-reload", f"restart {TIMER}"]
    assert stamp.stat().st_mtime > 1


@pytest.mark.parametrize("by_hand", ["stop", "disable"])
def test_timer_that_was_switched_off_is_switched_on(host: Host, by_hand: str) -> None:
    set_up(host)
    host.systemctl(by_hand, TIMER)
    assert not record.look(host.application)["timer"]
    assert [Path(path).name for path in set_up(host, check_mode=True)] == [TIMER]
    assert [Path(path).name for path in set_up(host)] == [TIMER]
    assert elapses(host)
    assert set_up(host) == []


def test_check_mode_writes_nothing(host: Host) -> None:
    files = set_up(host, check_mode=True)
    assert len(files) == 4
    assert not any(Path(path).exists() for path in files)
    assert calls(host) == []


def test_end_of_the_schedule_removes_all_of_it(host: Host) -> None:
    files = set_up(host)
    host.calls.clear()
    assert schedule.unschedule(host.application, check_mode=True) == files
    assert calls(host) == []
    assert schedule.unschedule(host.application, check_mode=False) == files
    assert calls(host) == [
        f"disable {TIMER}",
        "daemon-reload",
        f"stop {TIMER}",
        f"stop {SERVICE}",
        "daemon-reload",
    ]
    assert not any(Path(path).exists() for path in files)
    assert not record.look(host.application)["units"]
    host.calls.clear()
    assert schedule.unschedule(host.application, check_mode=False) == []
    assert calls(host) == []


# Once in a fleet, by the moves of what else runs once


def test_it_leaves_a_host_and_comes_to_another_by_the_moves_of_all_singletons(host: Host) -> None:
    set_up(host)
    stamp = Path(BackupTimer(host.application).stamp)
    stamp.parent.mkdir(parents=True)
    stamp.touch()
    os.utime(stamp, (1000.5, 1000.5))
    host.states[SERVICE] = {"ActiveState": "inactive"}
    changed, last = singletons.leave(host.application, 1)
    assert (changed, last) == (True, {"app_backup": 1000.5})
    assert not elapses(host)
    assert set_up(host) == [], "a rollout leaves it where it is"
    os.utime(stamp, (7, 7))
    host.calls.clear()
    assert singletons.take(host.application, last)
    assert elapses(host)
    assert stamp.stat().st_mtime == 1000.5, "it makes up for what was missed, and for no more"
    assert SERVICE not in " ".join(calls(host)), "a move begins no backup"


def test_host_does_not_leave_while_its_timer_makes_one(host: Host) -> None:
    set_up(host)
    host.states[SERVICE] = {"ActiveState": "activating"}
    with pytest.raises(systemd.Refusal) as refusal:
        singletons.leave(host.application, 0.1)
    assert str(refusal.value).startswith(f"{SERVICE} still runs after 0.1 s; expected its end")
    assert elapses(host)
    assert record.look(host.application)["running"]


def test_cut_over_has_it_elapse_where_what_runs_once_is(host: Host) -> None:
    set_up(host)
    Path(host.application.singletons).unlink()
    assert following.follow(host.application.slot("blue"))
    assert not elapses(host)
    assert not following.follow(host.application.slot("blue"))
    Path(host.application.singletons).touch()
    assert following.follow(host.application.slot("blue"))
    assert elapses(host)


def test_unit_of_somebody_else_is_left_alone(host: Host) -> None:
    path = Path(BackupTimer(host.application).timer_file)
    path.write_text("[Timer]\nOnCalendar=daily\n")
    host.enabled.add(TIMER)
    assert not following.follow(host.application.slot("blue"))
    assert not record.look(host.application)["units"]
    assert calls(host) == []


@pytest.mark.skipif(not Path("/usr/bin/systemd-analyze").exists(), reason="without systemd")
def test_calendar_that_the_host_does_not_understand_is_refused(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "require_calendar", following.require_calendar)
    with pytest.raises(systemd.Refusal) as refusal:
        set_up(host, "02:30 Mars/Olympus")
    assert str(refusal.value).startswith(
        "app_backup.schedule is 02:30 Mars/Olympus, which the systemd of this host does not"
    )


def test_program_runs_alone_and_needs_nothing_of_ansible(tmp_path: Path) -> None:
    packed = tmp_path / "backup.pyz"
    packed.write_bytes(program.bundle(timer.__name__))
    config = tmp_path / "backup.json"
    config.write_text(json.dumps(CONFIG | {"name": "no-such-application-here"}))
    # Without the packages of this environment: -S leaves out site-packages.
    result = subprocess.run(
        [sys.executable, "-I", "-S", "-B", str(packed), str(config)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert "has no live release on this host" in result.stderr, result.stderr
    assert result.returncode == 1


def test_program_is_the_same_each_time_and_has_no_more_than_it_needs() -> None:
    first = program.bundle(timer.__name__)
    assert first == program.bundle(timer.__name__)
    with zipfile.ZipFile(BytesIO(first)) as archive:
        found = archive.namelist()
    assert "__main__.py" in found
    assert not [name for name in found if "/entry/" in name or "/releases/" in name]


GOOD: Any = {
    "began": 1795241400,
    "ended": 1795241401,
    "by": "the timer",
    "release": "1.0",
    "good": True,
    "problem": "",
    "status": 0,
    "check": 0,
    "lines": [],
    "size": 0,
    "folder": "",
}
