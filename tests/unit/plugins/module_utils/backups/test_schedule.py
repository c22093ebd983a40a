"""The timer that makes backups without a controller: its files, and its program."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.backups import record, schedule, timer
from ansible_collections.asgi.fleet.plugins.module_utils.backups.schedule import ScheduleError
from ansible_collections.asgi.fleet.plugins.module_utils.host import program, systemd

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


@pytest.fixture
def application(tmp_path: Path) -> Application:
    for folder in ("etc/shop", "var/lib/shop", record.WANTS):
        (tmp_path / folder).mkdir(parents=True)
    return Application("shop", str(tmp_path))


@pytest.fixture(autouse=True)
def called(application: Application, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What systemctl was told; enabling makes the link, and disabling removes it."""
    told: list[str] = []
    link = Path(application.path(record.WANTS, "shop-backup.timer"))

    def systemctl(*arguments: str, check: bool = True) -> str:  # noqa: ARG001 (as the real one)
        told.append(" ".join(arguments))
        if arguments[0] == "enable":
            link.unlink(missing_ok=True)
            link.symlink_to("../shop-backup.timer")
        if arguments[0] == "disable":
            link.unlink()
        return ""

    monkeypatch.setattr(systemd, "systemctl", systemctl)
    monkeypatch.setattr(schedule, "_require_calendar", lambda _when: None)
    return told


def test_timer_is_written_and_starts_the_first_backup(
    application: Application, called: list[str]
) -> None:
    files = schedule.schedule(application, CONFIG, "03:30", check_mode=False)
    assert [Path(path).name for path in files] == [
        "backup.pyz",
        "backup.json",
        "shop-backup.service",
        "shop-backup.timer",
    ]
    assert called == [
        "daemon-reload",
        "enable --quiet shop-backup.timer",
        "restart shop-backup.timer",
        "start --no-block shop-backup.service",
    ]
    assert "\nOnCalendar=03:30\n" in Path(files[3]).read_text()
    assert f"-B {files[0]} {files[1]}\n" in Path(files[2]).read_text()
    assert json.loads(Path(files[1]).read_text()) == CONFIG


def test_second_time_changes_nothing(application: Application, called: list[str]) -> None:
    schedule.schedule(application, CONFIG, "daily", check_mode=False)
    called.clear()
    assert schedule.schedule(application, CONFIG, "daily", check_mode=False) == []
    assert called == []


def test_other_schedule_writes_the_timer_alone(application: Application, called: list[str]) -> None:
    schedule.schedule(application, CONFIG, "daily", check_mode=False)
    record.note(application, GOOD)
    called.clear()
    files = schedule.schedule(application, CONFIG, "hourly", check_mode=False)
    assert [Path(path).name for path in files] == ["shop-backup.timer"]
    # There is a good one: none is begun.
    assert called[-1] == "restart shop-backup.timer"


def test_timer_that_was_switched_off_is_switched_on(
    application: Application, called: list[str]
) -> None:
    schedule.schedule(application, CONFIG, "daily", check_mode=False)
    Path(application.path(record.WANTS, "shop-backup.timer")).unlink()
    called.clear()
    assert schedule.schedule(application, CONFIG, "daily", check_mode=False)
    assert "enable --quiet shop-backup.timer" in called


def test_check_mode_writes_nothing(application: Application, called: list[str]) -> None:
    files = schedule.schedule(application, CONFIG, "daily", check_mode=True)
    assert len(files) == 4
    assert not any(Path(path).exists() for path in files)
    assert called == []


def test_end_of_the_schedule_removes_all_of_it(application: Application, called: list[str]) -> None:
    files = schedule.schedule(application, CONFIG, "daily", check_mode=False)
    called.clear()
    assert schedule.unschedule(application, check_mode=True) == files
    assert called == []
    assert schedule.unschedule(application, check_mode=False) == files
    assert called == [
        "disable --quiet shop-backup.timer",
        "stop shop-backup.timer",
        "daemon-reload",
    ]
    assert not any(Path(path).exists() for path in files)
    called.clear()
    assert schedule.unschedule(application, check_mode=False) == []
    assert called == []


def test_calendar_that_systemd_does_not_understand_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.undo()
    analyze = tmp_path / "systemd-analyze"
    analyze.write_text("#!/bin/sh\necho 'Failed to parse calendar specification' >&2; exit 1\n")
    analyze.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(ScheduleError) as refused:
        schedule.schedule(Application("shop", str(tmp_path)), CONFIG, "25:00", check_mode=True)
    assert str(refused.value) == (
        "app_backup.schedule is '25:00'; expected what systemd's OnCalendar= takes, such as daily "
        "or 03:30 (Failed to parse calendar specification); try it on any host: systemd-analyze "
        "calendar '25:00'"
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
