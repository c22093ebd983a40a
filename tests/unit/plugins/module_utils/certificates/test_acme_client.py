"""How the ACME client comes to a host: by its lock alone, in one step."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.certificates.acme_client import (
    Client,
    ClientError,
    install,
)


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Sequence[str], dict[str, str]]]:
    """What was run, instead of running it."""
    commands: list[tuple[Sequence[str], dict[str, str]]] = []

    def run(command: Sequence[str], **more: Any) -> subprocess.CompletedProcess[str]:  # noqa: ANN401
        commands.append((command, more["env"]))
        python = Path(command[-1], "bin", "python")
        if "venv" in command:
            python.parent.mkdir(parents=True)
            python.touch(0o755)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    return commands


def test_client_comes_by_its_hashes_alone(
    tmp_path: Path, ran: list[tuple[Sequence[str], dict[str, str]]]
) -> None:
    client = Client("certbot==1", {"UV_DEFAULT_INDEX": "https://index.example"}, str(tmp_path))
    install(client)
    assert client.is_there
    command, environment = ran[1]
    assert {"--require-hashes", "--only-binary=:all:"} <= set(command)
    assert environment["PIP_INDEX_URL"] == "https://index.example"
    install(client)
    assert len(ran) == 2


def test_another_lock_is_another_client(tmp_path: Path) -> None:
    assert Client("a", root=str(tmp_path)).folder != Client("b", root=str(tmp_path)).folder


def test_client_that_cannot_be_had_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(command: Sequence[str], **_: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 1, "", "NewConnectionError: refused")

    monkeypatch.setattr(subprocess, "run", run)
    client = Client("certbot==1", root=str(tmp_path))
    with pytest.raises(ClientError, match="cannot be installed on this host by pip"):
        install(client)
    assert list((tmp_path / "opt/acme_client").iterdir()) == []
