"""Accelerators that the sandbox hides are named."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.host import devices
from ansible_collections.asgi.fleet.plugins.module_utils.host.devices import hidden_devices


@pytest.fixture
def dev(tmp_path: Path) -> Path:
    (tmp_path / "dri").mkdir()
    for name in ("null", "video0", "nvidia0", "nvidiactl", "nvidia-modeset", "dri/card0"):
        (tmp_path / name).touch()
        (tmp_path / name).chmod(0o666)
    return tmp_path


def test_hidden_accelerators_are_named_with_the_line(dev: Path) -> None:
    names = f"{dev}/nvidia0, {dev}/nvidiactl"
    assert hidden_devices([], str(dev)) == [
        f"the host has {names}, which the application cannot see; if it is to use them: "
        f"app_devices: [{names}]"
    ]


def test_group_that_alone_may_use_it_is_named(dev: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (dev / "dri/renderD128").touch()
    (dev / "dri/renderD128").chmod(0o660)
    assert "their group" not in hidden_devices([], str(dev))[0]
    monkeypatch.setattr(devices, "_group", lambda path: "render" if "render" in path else "")
    assert hidden_devices([], str(dev))[0].endswith(
        ", and for their group gunicorn_service_service_options: {SupplementaryGroups: render}"
    )
    monkeypatch.undo()
    if os.geteuid() == 0:
        os.chown(dev / "dri/renderD128", 0, 1)
        assert "SupplementaryGroups" in hidden_devices([], str(dev))[0]


def test_host_without_any_and_an_application_that_uses_one_get_no_note(dev: Path) -> None:
    assert hidden_devices([f"{dev}/nvidia0"], str(dev)) == []
    assert hidden_devices([], f"{dev}/dri") == []
