"""Whose processes were killed for lack of memory, by the cgroups and by the journal."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.survey import memory as module
from ansible_collections.asgi.fleet.plugins.module_utils.survey.memory import (
    counter,
    killed_units,
    memory_kills,
    read_journal,
    unit_starts,
)

UNIT = "shop@blue.service"
GROUP = f"/system.slice/system-shop.slice/{UNIT}"
BY_LIMIT = (
    f"oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset={UNIT},mems_allowed=0,"
    f"oom_memcg={GROUP},task_memcg={GROUP},task=gunicorn,pid=812,uid=998"
)
OF_THE_HOST = (
    "oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0,global_oom,"
    "task_memcg=/system.slice/nginx.service,task=nginx,pid=7,uid=33"
)
MANAGER = f"{UNIT}: A process of this unit has been killed by the OOM killer."


def entry(message: str, at: int = 1000, **fields: str) -> dict[str, Any]:
    return {"MESSAGE": message, "__REALTIME_TIMESTAMP": str(at * 1_000_000), **fields}


@pytest.mark.parametrize(
    ("entries", "found"),
    [
        ([], {}),
        ([entry(BY_LIMIT), entry(BY_LIMIT), entry(MANAGER, UNIT=UNIT)], {UNIT: 2}),
        ([entry(MANAGER, UNIT=UNIT)], {UNIT: 1}),
        ([entry(OF_THE_HOST)], {"nginx.service": 1}),
        ([entry(BY_LIMIT, at=499)], {}),
        ([entry(BY_LIMIT.replace("shop@blue", "other@blue"))], {}),
        ([entry(MANAGER, UNIT="other.service"), {"MESSAGE": [1, 2]}], {}),
    ],
    ids=["none", "both tell", "systemd", "whole host", "before", "another", "no concern"],
)
def test_journal_tells_of_the_units_that_are_asked_for(
    entries: list[dict[str, Any]], found: dict[str, int]
) -> None:
    assert killed_units(entries, {UNIT: 500, "nginx.service": 0}) == found


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("sys/fs/cgroup{}/memory.events", "low 0\nhigh 9\nmax 4\noom 1\noom_kill 3\n"),
        ("sys/fs/cgroup/memory{}/memory.oom_control", "oom_kill_disable 0\noom_kill 3\n"),
    ],
    ids=["version 2", "version 1"],
)
def test_counter_is_read_in_both_versions_of_cgroups(tmp_path: Path, file: str, text: str) -> None:
    path = tmp_path / file.format(GROUP)
    path.parent.mkdir(parents=True)
    path.write_text(text)
    assert counter(tmp_path, GROUP) == 3
    assert counter(tmp_path, "/system.slice/other.service") == 0


def test_unit_starts_reads_what_systemctl_shows() -> None:
    output = f"""Id={UNIT}
ControlGroup={GROUP}
ActiveEnterTimestamp=@1790000000

Id=nginx.service
ControlGroup=
ActiveEnterTimestamp=
"""
    assert unit_starts(output) == {UNIT: (1790000000, GROUP), "nginx.service": (0, "")}


@pytest.mark.parametrize(
    ("started", "counted", "lines", "found"),
    [
        (60, 0, 0, None),
        (60, 3, 0, {"total": 3, "recent": 3}),
        (60, 3, 1, {"total": 3, "recent": 3}),
        (60, 0, 2, {"total": 2, "recent": 2}),
        (90000, 3, 0, {"total": 3, "recent": 0}),
        (90000, 3, 1, {"total": 3, "recent": 1}),
    ],
    ids=["none", "counted", "both", "a start since", "old", "old and new"],
)
def test_kills_are_those_since_the_start_and_those_of_the_last_day(
    monkeypatch: pytest.MonkeyPatch,
    started: int,
    counted: int,
    lines: int,
    found: dict[str, int] | None,
) -> None:
    now = int(time.time())
    shown = f"Id={UNIT}\nControlGroup={GROUP}\nActiveEnterTimestamp=@{now - started}\n"
    monkeypatch.setattr(module, "systemctl", lambda *_: shown)
    monkeypatch.setattr(module, "counter", lambda *_: counted)
    monkeypatch.setattr(module, "read_journal", lambda _: [entry(BY_LIMIT, now - 9)] * lines)
    assert memory_kills({UNIT: 0}) == ({UNIT: found} if found else {})


def test_journal_that_cannot_be_read_tells_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert read_journal(0) == []
    program = tmp_path / "journalctl"
    program.write_text('#!/bin/sh\necho \'{"MESSAGE": "x"}\'\necho "-- broken"\n')
    program.chmod(0o755)
    assert read_journal(0) == [{"MESSAGE": "x"}]
