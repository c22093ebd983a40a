"""The module that closes a host, with a ufw that notes what it is told."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.host import (
    closing,
    firewall_plan,
    firewall_undo,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host.listeners import Listener
from ansible_collections.asgi.fleet.plugins.module_utils.host.session import Session
from ansible_collections.asgi.fleet.plugins.modules import firewall

Run = Callable[..., dict[str, Any]]

SESSION = Session("192.0.2.1", 5000, "192.0.2.2", 2200)
DATABASE = Listener("tcp", "::", 5432, "postgres", "postgresql.service")

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
    for name in ("systemctl", "systemd-run", "iptables", "ip6tables", "nft"):
        (tmp_path / name).write_text(f'#!/bin/sh\necho "{name} $*" >>{tmp_path}/called\n')
        (tmp_path / name).chmod(0o755)
    program.chmod(0o755)
    (tmp_path / "active").write_text("Status: inactive\n")
    (tmp_path / "etc/default").mkdir(parents=True)
    (tmp_path / "etc/default/ufw").write_text('DEFAULT_INPUT_POLICY="ACCEPT"\n')
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(firewall_plan, "ROOT", tmp_path)
    monkeypatch.setattr(firewall_plan, "hearing_vrrp", lambda: "")
    monkeypatch.setattr(firewall_plan, "session_of", lambda _: SESSION)
    monkeypatch.setattr(firewall_plan, "listeners", lambda: [DATABASE])
    monkeypatch.setattr(firewall, "session_of", lambda _: SESSION)
    monkeypatch.setattr(firewall, "Undo", lambda: firewall_undo.Undo(tmp_path / "run", tmp_path))
    return tmp_path


def called(folder: Path) -> list[str]:
    path = folder / "called"
    return path.read_text().splitlines() if path.exists() else []


def test_ssh_comes_first_and_the_switch_last(run_module: Run, folder: Path) -> None:
    answer = run_module(firewall, tcp_ports=[80, 443])
    assert answer["commands"] == [
        "ufw allow from any to any port 2200 proto tcp comment SSH",
        "ufw allow from any to any port 443 proto tcp",
        "ufw allow from any to any port 5432 proto tcp comment 'adopted: postgresql.service'",
        "ufw default deny incoming",
        "ufw --force enable",
    ]
    assert answer["lines"] == [
        "the firewall keeps TCP 5432 (postgresql.service) open, which listens already"
    ]
    assert (answer["changed"], answer["undo"]) == (True, True)
    assert any(
        line.startswith("systemd-run") and "--on-active=60" in line for line in called(folder)
    )


def test_check_mode_runs_nothing_that_changes(run_module: Run, folder: Path) -> None:
    answer = run_module(firewall, tcp_ports=[443], _ansible_check_mode=True)
    assert (len(answer["commands"]), answer["undo"]) == (5, False)
    said = (folder / "said").read_text().splitlines()
    assert all(line == "status" or line.startswith("--dry-run") for line in said)
    assert not any("systemd-run" in line for line in called(folder))


def test_check_mode_tells_it_on_a_host_without_ufw(
    run_module: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "etc/default/ufw").unlink()
    monkeypatch.setattr(shutil, "which", lambda _: None)
    answer = run_module(
        firewall,
        rules=[{"port": "9100"}, {"port": "25", "delete": True}],
        _ansible_check_mode=True,
    )
    assert answer["commands"] == [
        "ufw allow from any to any port 2200 proto tcp comment SSH",
        "ufw allow from any to any port 5432 proto tcp comment 'adopted: postgresql.service'",
        "ufw allow from any to any port 9100 proto tcp",
        "ufw --force enable",
    ]
    assert not (folder / "said").exists()


def test_a_closed_host_is_left_alone(run_module: Run, folder: Path) -> None:
    (folder / "active").write_text("Status: active\n")
    (folder / "etc/default/ufw").write_text('DEFAULT_INPUT_POLICY="DROP"\n')
    (folder / "ufw").write_text((folder / "ufw").read_text().replace("port 80 ", "port"))
    answer = run_module(firewall, tcp_ports=[80, 443])
    assert (answer["changed"], answer["undo"], answer["lines"]) == (False, False, [])
    assert not (folder / "run").exists()


def test_strict_refuses_before_anything_is_asked(run_module: Run, folder: Path) -> None:
    answer = run_module(firewall, listening="strict")
    assert answer["failed"]
    assert '  - {port: 5432, comment: "postgresql.service"}' in answer["msg"]
    assert (folder / "said").read_text().splitlines() == ["status"]


def test_a_failure_takes_back_what_was_done(run_module: Run, folder: Path) -> None:
    answer = run_module(firewall, rules=[{"port": "666"}])
    assert answer["failed"]
    assert "Bad port" in answer["msg"]
    assert answer["msg"].endswith("the firewall is as it was before")
    assert "deny" not in (folder / "said").read_text()
    assert (folder / "run/decided").is_dir()


def test_without_ssh_there_is_nothing_to_prove(
    run_module: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(firewall_plan, "session_of", lambda _: None)
    answer = run_module(firewall)
    assert (answer["changed"], answer["undo"], answer["session_port"]) == (True, False, None)
    assert not (folder / "run").exists()


def test_a_firewall_of_the_host_is_left_alone(
    run_module: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(closing, "own_firewall", lambda _: "firewalld.service")
    answer = run_module(firewall)
    assert (answer["changed"], answer["failed"]) == (False, False)
    assert "firewalld.service" in answer["lines"][0]
    assert not (folder / "said").exists()
    assert "firewalld.service" in run_module(firewall, listening="strict")["msg"]


def test_a_change_is_kept_from_a_new_connection_only(
    run_module: Run, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    assert run_module(firewall)["undo"]
    answer = run_module(firewall, state="kept")
    assert (answer["failed"], answer["undone"]) == (True, False)
    assert "not a new connection" in answer["msg"]
    monkeypatch.setattr(firewall, "session_of", lambda _: SESSION._replace(client_port=5001))
    answer = run_module(firewall, state="kept")
    assert (answer["failed"], answer["changed"]) == (False, False)
    assert not (folder / "run").exists()


def test_what_an_ended_run_left_is_taken_back_first(run_module: Run, folder: Path) -> None:
    assert run_module(firewall)["undo"]
    (folder / "said").write_text("")
    assert run_module(firewall)["undo"]
    assert (folder / "said").read_text().splitlines()[0] == "--force disable"
