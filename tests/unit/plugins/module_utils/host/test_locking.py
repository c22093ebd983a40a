"""Locks: in a folder that only root may enter."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.host import locking
from ansible_collections.asgi.fleet.plugins.module_utils.host.controller import ControllerGone
from ansible_collections.asgi.fleet.plugins.module_utils.host.locking import (
    UnsafeFolderError,
    locked,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / locking.FOLDER
    path.parent.mkdir()
    return path


def take(folder: Path, patience: float = 0) -> None:
    with locked("shop.build", patience, root=str(folder.parent.parent)):
        pass


def test_locked_makes_what_only_its_owner_may_open(folder: Path) -> None:
    os.umask(previous := os.umask(0))
    try:
        os.umask(0)
        take(folder)
    finally:
        os.umask(previous)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "shop.build.lock").stat().st_mode & 0o777 == 0o600


def test_locked_excludes_others_of_its_name_only(folder: Path) -> None:
    root = str(folder.parent.parent)
    with locked("shop.build", 0, root=root):
        with locked("blog.build", 0, root=root):
            pass
        with pytest.raises(TimeoutError):
            take(folder)
        with pytest.raises(KeyError), locked("shop.build", 0, KeyError("busy"), root):
            pass
    take(folder)


def test_locked_waits_for_its_holder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locking, "RETRY_SECONDS", 0.01)
    held = locked("shop.build", 0, root=str(folder.parent.parent))
    held.__enter__()
    threading.Timer(0.1, held.__exit__, (None, None, None)).start()
    take(folder, patience=10)


def test_locked_stops_waiting_when_the_controller_has_gone(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone() -> None:
        raise ControllerGone

    with locked("shop.build", 0, root=str(folder.parent.parent)):
        monkeypatch.setattr(locking, "require_controller", gone)
        with pytest.raises(ControllerGone):
            take(folder, patience=600)
    with pytest.raises(ControllerGone):
        take(folder)


@pytest.mark.parametrize(
    ("kind", "seen"),
    [("link", "is a link or a file"), ("file", "is a link or a file"), ("open", "has mode 0777")],
)
def test_locked_refuses_a_folder_that_others_may_have_made(
    folder: Path, kind: str, seen: str
) -> None:
    if kind == "file":
        folder.touch()
    else:
        target = folder.with_name("theirs") if kind == "link" else folder
        target.mkdir()
        target.chmod(0o777)
        if kind == "link":
            folder.symlink_to(target)
    with pytest.raises(UnsafeFolderError, match=f"{folder} {seen}; expected a folder of root"):
        take(folder)


def test_locked_follows_no_link(folder: Path, tmp_path: Path) -> None:
    folder.mkdir(mode=0o700)
    (folder / "shop.build.lock").symlink_to(tmp_path / "theirs")
    with pytest.raises(OSError, match="symbolic links"):
        take(folder)
    assert not (tmp_path / "theirs").exists()
