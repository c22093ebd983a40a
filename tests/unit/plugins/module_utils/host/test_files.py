"""Files that are replaced in one step or grow by lines, and how they are read."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.asgi.fleet.plugins.module_utils.host.files import (
    append_line,
    read_json_lines,
    read_text,
)


def test_read_keeps_carriage_returns(tmp_path: Path) -> None:
    path = tmp_path / "environment"
    path.write_bytes(b'PEM="a\r\nb"\n')
    assert read_text(str(path)) == 'PEM="a\r\nb"\n'


def test_read_of_a_missing_file_is_nothing(tmp_path: Path) -> None:
    assert read_text(str(tmp_path / "none")) == ""
    assert read_json_lines(str(tmp_path / "none")) == []


def test_json_lines_are_read_without_a_torn_one(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_text('{"n": 1}\n{"n": 2}\n{"n": 3, "te')
    assert read_json_lines(str(path)) == [{"n": 1}, {"n": 2}]
    append_line(str(path), '{"n": 4}')
    assert read_json_lines(str(path)) == [{"n": 1}, {"n": 2}, {"n": 4}]
