"""Files are replaced in one step, and nothing is left of a step that failed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.host.files import (
    append_line,
    read_json_lines,
    read_plain,
    read_text,
    remove_tree,
    write_file,
)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o755])
def test_file_has_its_text_and_mode_and_nothing_beside_it(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "environment"
    write_file(str(path), "A=1\n", mode)
    write_file(str(path), "A=2\n", mode)
    assert path.read_text() == "A=2\n"
    assert path.stat().st_mode & 0o7777 == mode
    assert names(tmp_path) == ["environment"]


def test_file_has_its_mode_before_its_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    change = os.fchmod

    def note(descriptor: int, mode: int) -> None:
        change(descriptor, mode)
        status = os.fstat(descriptor)
        seen.append((status.st_mode & 0o7777, status.st_size))

    monkeypatch.setattr(os, "fchmod", note)
    write_file(str(tmp_path / "secret"), "s3cret", 0o600)
    assert seen == [(0o600, 0)]


def test_content_is_on_disk_before_the_file_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    synced = []
    monkeypatch.setattr(
        os,
        "fsync",
        lambda descriptor: synced.append((os.fstat(descriptor).st_size, path.exists())),
    )
    write_file(str(path), "text", 0o644)
    assert synced == [(4, False)]


def test_planted_link_is_not_followed(tmp_path: Path) -> None:
    victim, path = tmp_path / "victim", tmp_path / "file"
    victim.write_text("mine")
    (tmp_path / "file.new").symlink_to(victim)
    write_file(str(path), "text", 0o644)
    assert victim.read_text() == "mine"
    assert path.read_text() == "text"


def test_link_is_replaced_and_what_it_leads_to_stays(tmp_path: Path) -> None:
    target, path = tmp_path / "target", tmp_path / "file"
    target.write_text("mine")
    path.symlink_to(target)
    write_file(str(path), "text", 0o644)
    assert (target.read_text(), path.is_symlink()) == ("mine", False)


def test_failed_write_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "file"
    path.write_text("old")
    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="No space left"):
        write_file(str(path), "new", 0o644)
    assert path.read_text() == "old"
    assert names(tmp_path) == ["file"]


def test_failed_rename_leaves_no_temporary_file(tmp_path: Path) -> None:
    (tmp_path / "busy").mkdir()
    with pytest.raises(OSError, match="directory"):
        write_file(str(tmp_path / "busy"), "text", 0o644)
    assert names(tmp_path) == ["busy"]


def test_text_is_kept_to_the_byte(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"caf\xe9\r\n\n")
    write_file(str(path), read_text(str(path)), 0o644)
    assert path.read_bytes() == b"caf\xe9\r\n\n"


def test_missing_file_reads_as_nothing(tmp_path: Path) -> None:
    assert read_text(str(tmp_path / "nothing")) == ""


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


def test_tree_is_removed_however_deep_it_is_and_nothing_behind_its_links(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").touch()
    tree = folder = tmp_path / "tree"
    # What an application writes into its own folders: deeper than Python recurses.
    for _ in range(1200):
        folder.mkdir()
        folder = folder / "d"
    (tree / "link").symlink_to(outside)
    remove_tree(str(tree))
    assert names(tmp_path) == ["outside"]
    assert names(outside) == ["kept"]
    remove_tree(str(tree))


def test_tree_that_cannot_be_removed_is_named(tmp_path: Path) -> None:
    # rm(1) itself refuses this one, whoever runs it.
    with pytest.raises(OSError, match=r"/\. cannot be removed: rm: "):
        remove_tree(f"{tmp_path}/.")


def test_what_cannot_be_read_is_empty_and_holds_nobody_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_bytes(b"a\xff")
    assert [read_plain(tmp_path / name) for name in ("pipe", "missing", ".", "file")] == [
        *("", "", ""),
        "a\ufffd",
    ]
