"""What all tests of sources need."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.packing import Source, prepare

from tests.unit.plugins.plugin_utils.sources.trees import Prepare, git


@pytest.fixture
def packed(tmp_path: Path) -> Prepare:
    """Prepare a source of the given keys, in a cache of this test."""

    def run(**source: object) -> Source:
        return prepare(source, str(tmp_path / "cache"))

    return run


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "shop"
    (root / "web").mkdir(parents=True)
    (root / "main.py").write_text("app = None\n")
    (root / "web" / "page.html").write_text("<p>\n")
    return root


@pytest.fixture
def repository(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project under git: tag v1 is its first commit, branch main one ahead."""
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(name, os.devnull)
    git(project, "init", "--quiet", "--initial-branch=main")
    git(project, "add", ".")
    git(project, "commit", "--quiet", "--message=one")
    git(project, "tag", "v1")
    (project / "main.py").write_text("app = 2\n")
    git(project, "commit", "--quiet", "--all", "--message=two")
    return project
