"""The platform by which hosts and builders are compared."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.releases.platforms import (
    has_interpreter,
    platform_of,
)


@pytest.fixture
def root(tmp_path: Path) -> str:
    programs = tmp_path / "usr" / "bin"
    programs.mkdir(parents=True)
    (programs / "python3.13").touch()
    (programs / "python3").symlink_to("python3.13")
    return str(tmp_path)


@pytest.mark.parametrize(
    ("python", "version"), [("", "3.13"), ("3.12", "3.12"), ("3.12.4", "3.12")]
)
def test_platform_has_the_version_of_the_release(root: str, python: str, version: str) -> None:
    machine, _libc, told = platform_of(python, root).split(", ")
    assert machine
    assert told == f"Python {version}"


@pytest.mark.parametrize(("python", "found"), [("", True), ("3.13", True), ("3.12", False)])
def test_interpreter_of_the_host_is_found(root: str, python: str, found: bool) -> None:
    assert has_interpreter(python, root) is found


def test_interpreter_of_uv_is_found(root: str, tmp_path: Path) -> None:
    program = tmp_path / "opt/uv/python/cpython-3.12.4-linux-x86_64-gnu/bin/python3.12"
    program.parent.mkdir(parents=True)
    program.touch()
    assert has_interpreter("3.12", root)
