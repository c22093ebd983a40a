"""Which file system is full, how full, and what to do."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.host.remedies import explained
from ansible_collections.asgi.fleet.plugins.module_utils.host.space import MIB, full


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two folders of one file system."""
    (tmp_path / "opt").mkdir()
    (tmp_path / "var/lib").mkdir(parents=True)
    return tmp_path


def filled(monkeypatch: pytest.MonkeyPatch, free: int, files: int, all_files: int = 5000) -> None:
    """Have each file system be of 10 GiB, with this much room."""
    known = SimpleNamespace(
        f_frsize=4096,
        f_blocks=10240 * MIB // 4096,
        f_bavail=free * MIB // 4096,
        f_files=all_files,
        f_favail=files,
    )
    monkeypatch.setattr(os, "statvfs", lambda _path: known)


@pytest.mark.parametrize(
    ("free", "files", "all_files"), [(33, 5000, 5000), (10000, 1000, 5000), (500, 0, 0)]
)
def test_room_is_not_refused(
    root: Path, monkeypatch: pytest.MonkeyPatch, free: int, files: int, all_files: int
) -> None:
    filled(monkeypatch, free, files, all_files)
    assert full(root) == []


def test_full_file_system_is_told_once_with_what_to_do(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(monkeypatch, 5, 5000)
    [told] = full(root)
    assert told.startswith(
        f"the file system of {root}/opt, {root}/var/lib has too little room: 5 of 10240 "
        f"MiB are free; expected 32 MiB or more; make room (`du -xm {root}/opt"
    )
    assert told.endswith("run the same command again")


def test_file_system_without_room_for_more_files_is_told(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(monkeypatch, 5000, 7)
    [told] = full(root)
    assert f"has too little room: 7 more files fit into it (`df --inodes {root}/opt`)" in told


def test_failure_for_want_of_room_names_the_file_system(monkeypatch: pytest.MonkeyPatch) -> None:
    error = OSError(28, "No space left on device")
    filled(monkeypatch, 0, 5000)
    told = explained(error)
    assert "No space left on device" in told
    assert "has too little room: 0 of 10240 MiB are free" in told
    # What has failed may have made room by going.
    filled(monkeypatch, 5000, 5000)
    assert "`df -h` and `df -i` on the host show which one" in explained(error)
