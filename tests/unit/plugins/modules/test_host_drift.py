"""The module that compares a host with its baseline, with a ufw that says what it is told to."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.host import (
    closing,
    drift,
    firewall_plan,
    firewall_undo,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host.listeners import Listener
from ansible_collections.asgi.fleet.plugins.module_utils.host.session import Session
from ansible_collections.asgi.fleet.plugins.modules import host_drift

Run = Callable[..., dict[str, Any]]

# Is active, and knows the rules for the ports 22 and 80.
UFW = """#!/bin/sh
case "$*" in
  status) echo "Status: active" ;;
  *"port 22 "*|*"port 80 "*) echo "Skipping adding existing rule" ;;
  *"port 666 "*) echo "ERROR: Bad port" >&2; exit 1 ;;
  *) echo ":ufw-user-input"; echo "### tuple ### new" ;;
esac
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    program = tmp_path / "ufw"
    program.write_text(UFW)
    program.chmod(0o755)
    settings = tmp_path / "etc/default/ufw"
    settings.parent.mkdir(parents=True)
    settings.write_text('DEFAULT_INPUT_POLICY="DROP"\n')
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    session = Session("192.0.2.1", 5000, "192.0.2.2", 22)
    monkeypatch.setattr(firewall_plan, "ROOT", tmp_path)
    monkeypatch.setattr(firewall_plan, "hearing_vrrp", lambda: "")
    monkeypatch.setattr(firewall_plan, "session_of", lambda _: session)
    monkeypatch.setattr(firewall_plan, "listeners", list)
    monkeypatch.setattr(closing, "own_firewall", lambda _: "")
    monkeypatch.setattr(host_drift, "Undo", lambda: firewall_undo.Undo(tmp_path / "run"))
    monkeypatch.setattr(drift, "installed_packages", lambda: "ufw\tall\tinstalled\t1\t")
    states = "UnitFileState=enabled\nActiveState=active\n"
    monkeypatch.setattr(drift, "unit_states", lambda _: states)
    return tmp_path


@pytest.mark.usefixtures("folder")
def test_a_closed_host_has_no_drift(run_module: Run) -> None:
    answer = run_module(host_drift, firewall=True, tcp_ports=[80])
    assert (answer["drift"], answer["changed"]) == ({}, False)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("check_mode", [True, False])
def test_a_missing_rule_is_told_and_not_added(run_module: Run, *, check_mode: bool) -> None:
    answer = run_module(
        host_drift, firewall=True, tcp_ports=[80, 443], _ansible_check_mode=check_mode
    )
    expected = ["ufw allow from any to any port 443 proto tcp"]
    assert answer["drift"] == {"firewall": expected}


def test_an_open_policy_and_a_firewall_that_is_off_are_told(run_module: Run, folder: Path) -> None:
    (folder / "etc/default/ufw").write_text('DEFAULT_INPUT_POLICY="ACCEPT"\n')
    (folder / "ufw").write_text(UFW.replace("Status: active", "Status: inactive"))
    answer = run_module(host_drift, firewall=True)
    assert answer["drift"]["firewall"] == ["ufw default deny incoming", "ufw --force enable"]


@pytest.mark.usefixtures("folder")
def test_a_rule_that_ufw_refuses_is_left_to_the_module_that_sets_it(run_module: Run) -> None:
    answer = run_module(host_drift, firewall=True, rules=[{"port": "666"}])
    [said] = answer["drift"]["firewall"]
    assert said.endswith("ERROR: Bad port")


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("check_mode", [True, False])
def test_a_bare_host_is_told_what_becomes_of_those_who_listen(
    run_module: Run, monkeypatch: pytest.MonkeyPatch, *, check_mode: bool
) -> None:
    database = Listener("tcp", "::", 5432, "postgres", "postgresql.service")
    monkeypatch.setattr(firewall_plan, "listeners", lambda: [database])
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setattr(drift, "installed_packages", lambda: "")
    answer = run_module(host_drift, firewall=True, _ansible_check_mode=check_mode)
    assert answer["drift"]["packages"] == ["ufw"]
    assert answer["drift"]["firewall"][0].startswith("ufw allow from any to any port 22 ")
    assert answer["drift"]["firewall"][-1] == "ufw --force enable"
    assert answer["lines"] == [
        "the firewall keeps TCP 5432 (postgresql.service) open, which listens already"
    ]
    answer = run_module(host_drift, firewall=True, listening="strict")
    assert (answer["failed"], "would cut" in answer["msg"]) == (True, True)


@pytest.mark.usefixtures("folder")
def test_a_firewall_of_the_host_stays_and_ufw_is_not_installed(
    run_module: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(closing, "own_firewall", lambda _: "firewalld.service")
    monkeypatch.setattr(drift, "installed_packages", lambda: "")
    answer = run_module(host_drift, firewall=True, tcp_ports=[443])
    assert answer["drift"] == {}
    assert "firewalld.service" in answer["lines"][0]


def test_a_change_that_was_not_proven_is_drift(run_module: Run, folder: Path) -> None:
    (folder / "run").mkdir()
    (folder / "run/undo").write_text("")
    answer = run_module(host_drift, firewall=True)
    assert answer["drift"]["firewall"] == ["a change that was not proven is taken back first"]


@pytest.mark.usefixtures("folder")
def test_a_firewall_that_is_not_wanted_is_not_asked(run_module: Run) -> None:
    assert run_module(host_drift, tcp_ports=[443])["drift"] == {}


def test_files_are_compared_by_their_text(run_module: Run, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("text")
    path.chmod(0o644)
    assert run_module(host_drift, files={str(path): "text"})["drift"] == {}
    assert run_module(host_drift, files={str(path): "other"})["drift"] == {"files": [str(path)]}
    assert run_module(host_drift, absent_files=[str(path)])["drift"] == {"files": [str(path)]}


def test_a_host_without_dpkg_is_refused_by_name(
    run_module: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    answer = run_module(host_drift, packages=["curl"])
    assert answer["failed"]
    assert "cannot be compared with its baseline" in answer["msg"]
    assert "expected Debian or Ubuntu" in answer["msg"]
