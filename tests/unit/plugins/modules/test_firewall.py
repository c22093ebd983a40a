"""The module that closes a host, with a ufw that notes what it is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.modules import firewall

Run = Callable[..., dict[str, Any]]

# Knows the rule for port 80 and is as active as the file `active` says.
UFW = """#!/bin/sh
echo "$*" >>{folder}/said
case "$*" in
  status) cat {folder}/active ;;
  *"--dry-run"*"port 80 "*) echo "Skipping adding existing rule" ;;
  "--dry-run"*) echo ":ufw-user-input"; echo "### tuple ### new" ;;
  *"port 666 "*) echo "ERROR: Bad port" >&2; exit 1 ;;
esac
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    program = tmp_path / "ufw"
    program.write_text(UFW.format(folder=tmp_path))
    program.chmod(0o755)
    (tmp_path / "active").write_text("Status: inactive\n")
    (tmp_path / "settings").write_text('DEFAULT_INPUT_POLICY="ACCEPT"\n')
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(firewall, "TABLES", (tmp_path / "none",))
    monkeypatch.setattr(firewall, "SETTINGS", tmp_path / "settings")
    monkeypatch.setattr(firewall, "session_port", lambda _: 2200)
    return tmp_path


@pytest.mark.usefixtures("folder")
def test_ssh_comes_first_and_the_switch_last(run_module: Run) -> None:
    answer = run_module(firewall, tcp_ports=[80, 443])
    assert answer["commands"] == [
        "ufw allow from any to any port 2200 proto tcp comment SSH",
        "ufw allow from any to any port 443 proto tcp",
        "ufw default deny incoming",
        "ufw --force enable",
    ]
    assert answer["changed"]


def test_check_mode_runs_nothing_that_changes(run_module: Run, folder: Path) -> None:
    answer = run_module(firewall, tcp_ports=[443], _ansible_check_mode=True)
    assert len(answer["commands"]) == 4
    said = (folder / "said").read_text().splitlines()
    assert all(line == "status" or line.startswith("--dry-run") for line in said)


def test_a_closed_host_is_left_alone(run_module: Run, folder: Path) -> None:
    (folder / "active").write_text("Status: active\n")
    (folder / "settings").write_text('DEFAULT_INPUT_POLICY="DROP"\n')
    (folder / "ufw").write_text((folder / "ufw").read_text().replace("port 80 ", "port"))
    assert not run_module(firewall, tcp_ports=[80, 443])["changed"]


def test_a_failure_ends_it_before_anything_is_denied(run_module: Run, folder: Path) -> None:
    answer = run_module(firewall, rules=[{"port": "666"}])
    assert answer["failed"]
    assert "Bad port" in answer["msg"]
    assert "SSH stays open" in answer["msg"]
    assert "deny" not in (folder / "said").read_text()
