"""Files in folders of an application: whatever is there instead, nothing hangs or breaks."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.host.untrusted import (
    UntrustedError,
    read_json_object,
)

LIMIT = 1024


def a_link(path: Path) -> None:
    path.with_name("secret").write_text('{"status": 200}')
    path.symlink_to(path.with_name("secret"))


def a_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(path))


def a_gigabyte(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 30)


def holding(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (os.mkfifo, "is a named pipe; a file is expected"),
        (a_link, "is a link; a file is expected"),
        (a_socket, "is a socket; a file is expected"),
        (os.mkdir, "is a folder; a file is expected"),
        (a_gigabyte, "has 1073741824 bytes; at most 1024 are expected"),
        (holding(b"{"), "is not JSON"),
        (holding(b"\xff"), "is not JSON"),
        (holding(b"[" * LIMIT), "is not JSON"),
        (holding(b"9" * LIMIT), "is JSON, but no object"),
        (holding(b"[1]"), "is JSON, but no object"),
        (holding(b""), "is not JSON"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_what_is_no_json_object_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], object], problem: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "blue").mkdir()
    path = tmp_path / "blue" / "worker-1.json"
    make(path)
    with pytest.raises(UntrustedError) as refusal:
        read_json_object(str(tmp_path), "blue", "worker-1.json", limit=LIMIT)
    assert str(refusal.value) == f"{path}: {problem}"


def test_no_folder_on_the_way_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "worker-1.json").write_text("{}")
    (tmp_path / "blue").symlink_to("theirs")
    with pytest.raises(UntrustedError, match="is a link"):
        read_json_object(str(tmp_path), "blue", "worker-1.json", limit=LIMIT)


def test_deep_nesting_is_no_json(tmp_path: Path) -> None:
    (tmp_path / "deep").write_bytes(b'{"a":' * 100_000)
    with pytest.raises(UntrustedError, match="is not JSON"):
        read_json_object(str(tmp_path), "deep", limit=1 << 20)


def test_an_object_is_returned_and_a_missing_file_is_none(tmp_path: Path) -> None:
    (tmp_path / "report").write_text('{"status": 200}')
    assert read_json_object(str(tmp_path), "report", limit=LIMIT) == {"status": 200}
    assert read_json_object(str(tmp_path), "none", limit=LIMIT) is None
    assert read_json_object(str(tmp_path), "none", "report", limit=LIMIT) is None
