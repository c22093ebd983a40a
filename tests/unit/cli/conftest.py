"""The command as a person types it, run by this checkout."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

CLI = Path(__file__).resolve().parents[3] / "cli"

Typed = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def typed(tmp_path: Path) -> Typed:
    """Return a function that types a command in a folder of its own, with a home of its own."""
    here = tmp_path / "here"
    home = tmp_path / "home"
    for folder in (here, home):
        folder.mkdir()
    told = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    told |= {"PYTHONPATH": str(CLI), "HOME": str(home), "COLUMNS": "120", "ANSIBLE_NOCOLOR": "1"}

    def run(
        *arguments: str, answers: str = "", cwd: Path = here
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "asgi_fleet", *arguments],
            cwd=cwd,
            env=told,
            input=answers,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """Return the folder in which `typed` types."""
    return tmp_path / "here"
