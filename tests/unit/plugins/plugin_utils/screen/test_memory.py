"""How long a command took before: remembered, and never a reason to fail."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.screen.memory import (
    COMMANDS,
    cache_file,
    expected_seconds,
    remember,
)


def test_expected_is_the_median_of_the_last_runs(tmp_path: Path) -> None:
    file = tmp_path / "cache" / "durations.json"
    assert expected_seconds(file, "release") == 0
    for seconds in (900, 40, 60, 50, 52, 48):
        remember(file, "release", seconds)
    assert expected_seconds(file, "release") == 50
    assert expected_seconds(file, "deploy") == 0


def test_file_does_not_grow_for_ever(tmp_path: Path) -> None:
    file = tmp_path / "durations.json"
    for number in range(COMMANDS + 5):
        remember(file, f"command {number}", 1)
    assert expected_seconds(file, "command 0") == 0
    assert expected_seconds(file, f"command {COMMANDS + 4}") == 1


@pytest.mark.parametrize(
    "content", ["", "no JSON", "[1]", '{"release": "a"}', '{"release": ["x"]}']
)
def test_broken_file_is_as_none(tmp_path: Path, content: str) -> None:
    file = tmp_path / "durations.json"
    file.write_text(content)
    assert expected_seconds(file, "release") == 0
    remember(file, "release", 7)
    assert expected_seconds(file, "release") == 7


def test_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    remember(tmp_path / "file" / "durations.json", "release", 7)
    assert expected_seconds(tmp_path / "file" / "durations.json", "release") == 0


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({}, "/home/ada/.cache"),
        ({"XDG_CACHE_HOME": ""}, "/home/ada/.cache"),
        ({"XDG_CACHE_HOME": "relative"}, "/home/ada/.cache"),
        ({"XDG_CACHE_HOME": "/var/cache/ada"}, "/var/cache/ada"),
    ],
)
def test_file_lies_in_the_cache_of_the_user(environment: dict[str, str], folder: str) -> None:
    file = cache_file(environment, Path("/home/ada"))
    assert file == Path(folder) / "asgi-fleet" / "durations.json"
