"""A release to build, and what it is made of."""

from __future__ import annotations

import os
import pwd
import subprocess
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.installation import Installation
from ansible_collections.asgi.fleet.plugins.module_utils.releases.recipe import Recipe

from tests.unit.plugins.module_utils.release_host import UV

AS_USER = {"user", "group", "extra_groups"}
#: Files that name dependencies, the most exact first.
FILES = ("uv.lock", "pylock.toml", "requirements.txt", "pyproject.toml")


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recipe:
    if os.geteuid() != 0:
        # Only root may run something as a user, even as itself.
        class Unprivileged(subprocess.Popen[str]):
            def __init__(self, command: list[str], **options: Any) -> None:  # noqa: ANN401
                kept = {name: options[name] for name in options.keys() - AS_USER}
                super().__init__(command, **kept)

        monkeypatch.setattr(subprocess, "Popen", Unprivileged)
    return Recipe(
        path=str(tmp_path / "releases" / "1.0-abcdef01"),
        kind="tree",
        uv=UV,
        module="main:app",
        user=pwd.getpwuid(os.getuid()).pw_name,
        builder=pwd.getpwuid(os.getuid()).pw_name,
        uv_environment={"UV_OFFLINE": "1", "UV_PYTHON_DOWNLOADS": "never"},
        cache=str(tmp_path / "uv"),
        caches=str(tmp_path / "caches"),
        pythons=str(tmp_path / "pythons"),
    )


@pytest.fixture
def pack(recipe: Recipe, tmp_path: Path) -> Callable[..., Recipe]:
    """Return the recipe with an archive of the given files, and other fields changed.

    Unless an installation is among them, what is installed is the file that names most.
    """

    def run(files: dict[str, str | bytes], **changed: Any) -> Recipe:  # noqa: ANN401
        file = next((name for name in FILES if name in files), "")
        changed = {"installation": Installation(file=file), **changed}
        source = tmp_path / "source"
        for name, text in files.items():
            path = source / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        archive = tmp_path / "source.tar.gz"
        with tarfile.open(archive, "w:gz") as tar:
            for name in files:
                tar.add(source / name, name)
        return replace(recipe, archive=str(archive), **changed)

    return run
