"""The module that writes small files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible_collections.asgi.fleet.plugins.modules import config_files

Run = Callable[..., dict[str, Any]]


def test_files_are_written_once_with_their_folder(run_module: Run, tmp_path: Path) -> None:
    path = tmp_path / "folder.d" / "60-size.conf"
    answers = [run_module(config_files, files={str(path): "a\n"}) for _ in range(2)]
    assert [answer["changed"] for answer in answers] == [True, False]
    assert answers[0]["diff"][0]["after"] == "a\n"
    assert path.read_text() == "a\n"
    assert path.stat().st_mode & 0o7777 == 0o644


def test_a_changed_mode_is_put_right(run_module: Run, tmp_path: Path) -> None:
    path = tmp_path / "file"
    run_module(config_files, files={str(path): "a\n"})
    path.chmod(0o666)
    assert run_module(config_files, files={str(path): "a\n"})["written"] == [str(path)]
    assert path.stat().st_mode & 0o7777 == 0o644


def test_absent_files_are_removed(run_module: Run, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    answers = [run_module(config_files, absent=[str(path)]) for _ in range(2)]
    assert [answer["removed"] for answer in answers] == [[str(path)], []]


def test_check_mode_touches_nothing_and_runs_nothing(run_module: Run, tmp_path: Path) -> None:
    path = tmp_path / "folder" / "file"
    answer = run_module(
        config_files, files={str(path): "a\n"}, validate="false %s", _ansible_check_mode=True
    )
    assert answer["changed"]
    assert not path.parent.exists()


def test_one_refused_file_leaves_all_as_they_were(run_module: Run, tmp_path: Path) -> None:
    good, bad = tmp_path / "1", tmp_path / "2"
    answer = run_module(
        config_files, files={str(good): "good\n", str(bad): "bad\n"}, validate="grep -q good %s"
    )
    assert answer["failed"]
    assert "grep refuses the new content" in answer["msg"]
    assert not good.exists()
    assert not bad.exists()


def test_what_is_as_wanted_is_not_validated(run_module: Run, tmp_path: Path) -> None:
    path = tmp_path / "file"
    run_module(config_files, files={str(path): "a\n"})
    assert not run_module(config_files, files={str(path): "a\n"}, validate="false %s")["changed"]


def test_a_seed_is_written_where_there_is_nothing_and_never_again(
    run_module: Run, tmp_path: Path
) -> None:
    path = tmp_path / "haproxy_balancer" / "servers"
    assert run_module(config_files, seeds={str(path): "1\n"})["written"] == [str(path)]
    path.write_text("1\nshop a drained\n")
    path.chmod(0o600)
    assert not run_module(config_files, seeds={str(path): "1\n"})["changed"]
    assert path.read_text() == "1\nshop a drained\n"


def test_a_program_can_be_run(run_module: Run, tmp_path: Path) -> None:
    path = tmp_path / "lib" / "saver"
    answers = [run_module(config_files, programs={str(path): "#!/bin/sh\n"}) for _ in range(2)]
    assert [answer["changed"] for answer in answers] == [True, False]
    assert path.stat().st_mode & 0o7777 == 0o755
