"""A poetry.lock as a requirements file, by Poetry's exporter in an environment of the cache."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources import exporters
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.entries import SourceError
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.exporters import from_poetry
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.project import (
    Project,
    read_project,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.tree import Tree

ROOT = Path(__file__).resolve().parents[5]
LOCK_OF_POETRY = ROOT / "roles" / "python_release" / "files" / "poetry-requirements.txt"
HASH = 64 * "a"
# Poetry would install the plugin, were its command run.
PYPROJECT = """[project]
name = "shop"
version = "1"
requires-python = ">=3.10"
dependencies = ["click (>=8)", "common @ file:../libs/common"]

[project.optional-dependencies]
server = ["idna (>=3)"]

[tool.poetry]
package-mode = false

[tool.poetry.dependencies]
common = {path = "../libs/common", develop = true}

[tool.poetry.group.prod.dependencies]
six = "*"

[tool.poetry.requires-plugins]
poetry-plugin-that-does-not-exist = ">=1"
"""
LOCK = r"""[[package]]
name = "click"
version = "8.1.7"
description = ""
optional = false
python-versions = ">=3.7"
groups = ["main"]
files = [{file = "click-8.1.7-py3-none-any.whl", hash = "sha256:HASH"}]

[package.dependencies]
colorama = {version = "*", markers = "platform_system == \"Windows\""}

[[package]]
name = "colorama"
version = "0.4.6"
description = ""
optional = false
python-versions = ">=3.7"
groups = ["main"]
markers = "platform_system == \"Windows\""
files = [{file = "colorama-0.4.6-py2.py3-none-any.whl", hash = "sha256:HASH"}]

[[package]]
name = "common"
version = "1"
description = ""
optional = false
python-versions = ">=3.10"
groups = ["main"]
files = []
develop = true

[package.source]
type = "directory"
url = "../libs/common"

[[package]]
name = "idna"
version = "3.7"
description = ""
optional = true
python-versions = ">=3.5"
groups = ["main"]
markers = "extra == \"server\""
files = [{file = "idna-3.7-py3-none-any.whl", hash = "sha256:HASH"}]

[[package]]
name = "six"
version = "1.16.0"
description = ""
optional = false
python-versions = ">=3.5"
groups = ["prod"]
files = [{file = "six-1.16.0-py2.py3-none-any.whl", hash = "sha256:HASH"}]

[extras]
server = ["idna"]

[metadata]
lock-version = "2.1"
python-versions = ">=3.10"
content-hash = "0145b9e154b70e46fc763142510af5d25a85296baa9d3d8b58667b9247e487c0"
""".replace("HASH", HASH)


def project(pyproject: str = PYPROJECT) -> Project:
    return read_project(Tree.of({"api/pyproject.toml": pyproject, "api/poetry.lock": LOCK}), "api")


@pytest.fixture(scope="module")
def cache() -> str:
    """A cache of the repository, so that Poetry is installed once, in some 10 s."""
    kept = ROOT / ".cache" / "exporters"
    kept.mkdir(parents=True, exist_ok=True)
    return str(kept)


def test_lock_of_poetry_is_exported_with_hashes_extras_and_groups(cache: str) -> None:
    def export(*, extras: tuple[str, ...] = (), groups: tuple[str, ...] = ()) -> list[str]:
        text = from_poetry(project(), LOCK, extras, groups, cache, str(LOCK_OF_POETRY))
        named = [line.rstrip("\\ ") for line in text.splitlines() if not line.startswith(" ")]
        assert text.count(f"--hash=sha256:{HASH}") == len(named) - 1, "all but the folder"
        return [line.partition(" ;")[0] for line in named]

    always = ["click==8.1.7", "colorama==0.4.6", "common @ file:../libs/common"]
    assert sorted(export()) == always
    assert sorted(export(extras=("server",), groups=("prod",))) == [
        *always,
        "idna==3.7",
        "six==1.16.0",
    ]
    assert not list(Path(cache).glob("tmp*")), "nothing of the project is left"


def test_lock_that_is_out_of_date_is_refused_by_name(cache: str) -> None:
    changed = project(PYPROJECT.replace("click (>=8)", "click (>=8.1)"))
    with pytest.raises(SourceError) as error:
        from_poetry(changed, LOCK, (), (), cache, str(LOCK_OF_POETRY))
    assert str(error.value) == (
        "poetry.lock is out of date: pyproject.toml has changed since it was made; run poetry lock "
        "and commit the file"
    )


def test_exporter_that_cannot_be_had_is_refused_with_the_command_to_type(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho ensurepip is not available >&2\nexit 1\n")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    cache = tmp_path / "cache"
    with pytest.raises(SourceError) as error:
        from_poetry(project(), LOCK, ("server",), ("prod",), str(cache), str(LOCK_OF_POETRY))
    assert str(error.value) == (
        "poetry.lock cannot be exported on the controller: ensurepip is not available; run poetry "
        "export --format requirements.txt --output requirements.txt --extras server --with prod, "
        "commit the file, and set app_dependencies: {file: requirements.txt}"
    )
    assert list(cache.iterdir()) == []


def test_exporter_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporters, "_environment", lambda *_: sys.executable)
    monkeypatch.setattr(exporters, "_EXPORT", "import time; time.sleep(60)")
    monkeypatch.setattr(exporters, "EXPORT_TIMEOUT", 0.2)
    with pytest.raises(SourceError, match="it did not end within 0"):
        from_poetry(project(), LOCK, (), (), str(tmp_path), "unused")
