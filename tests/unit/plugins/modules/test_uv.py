"""The module that installs uv: its answer, its check mode, and what it refuses."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.releases.uv_program import Program
from ansible_collections.asgi.fleet.plugins.modules import uv


@pytest.fixture
def run_uv(
    run_module: Callable[..., dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., dict[str, Any]]:
    """Return the module's answer, for a wheel that is on the host."""
    monkeypatch.setattr(uv, "Program", partial(Program, root=str(tmp_path)))
    wheel = tmp_path / "uv-1.2.3-py3-none-linux.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("uv-1.2.3.data/scripts/uv", "#!/bin/sh\n")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    return partial(
        run_module,
        uv,
        version="1.2.3",
        folder=str(tmp_path / "uv" / "1.2.3"),
        requirements=f"uv==1.2.3 --hash=sha256:{digest}\n",
        wheel=str(wheel),
    )


def test_uv_is_installed_once(run_uv: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    path = tmp_path / "uv" / "1.2.3" / "bin" / "uv"
    told = run_uv()
    assert (told["changed"], told["path"], path.exists()) == (True, str(path), True)
    assert not run_uv()["changed"]


def test_check_mode_tells_what_would_be_installed(
    run_uv: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    assert run_uv(_ansible_check_mode=True)["changed"]
    assert not (tmp_path / "uv").exists()


def test_wheel_that_the_lock_does_not_name_is_refused(
    run_uv: Callable[..., dict[str, Any]],
) -> None:
    told = run_uv(requirements=f"uv==1.2.3 --hash=sha256:{'0' * 64}\n")
    assert told["failed"]
    assert "with the SHA-256 " in told["msg"]
