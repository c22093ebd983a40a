"""A change that is taken back; the programs note what they are told."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.host import firewall_undo
from ansible_collections.asgi.fleet.plugins.module_utils.host.firewall_undo import Undo
from ansible_collections.asgi.fleet.plugins.module_utils.host.session import Session

FIRST = Session("192.0.2.1", 5000, "192.0.2.2", 22)
SECOND = FIRST._replace(client_port=5001)
STOP = "systemctl stop asgi-fleet-firewall-undo.timer asgi-fleet-firewall-undo.service"
PROGRAM = """#!/bin/sh
echo "$(basename $0) $*" >>{folder}/said
[ "$*" = -S ] && echo "-P INPUT ACCEPT" && echo "-P FORWARD DROP" && echo "-A FORWARD -j X"
exit 0
"""


class Host:
    """A host of a test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.rules = folder / "root/etc/ufw/user.rules"
        self.rules.parent.mkdir(parents=True)
        self.rules.write_text("before\n")
        self.undo = Undo(folder / "run", folder / "root")

    @property
    def said(self) -> list[str]:
        """What programs were told."""
        path = self.folder / "said"
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    for name in ("ufw", "iptables", "systemctl", "systemd-run"):
        (tmp_path / name).write_text(PROGRAM.format(folder=tmp_path))
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    (tmp_path / "sys").mkdir()
    (tmp_path / "sys/martians").write_text("1\n")
    (tmp_path / "sysctl.conf").write_text("# Says\nmartians=0\nnone=1\n")
    monkeypatch.setattr(firewall_undo, "PARAMETERS", tmp_path / "sys")
    monkeypatch.setattr(firewall_undo, "SYSCTL", tmp_path / "sysctl.conf")
    return Host(tmp_path)


def test_the_host_is_armed_with_its_way_back(host: Host) -> None:
    host.undo.arm(60, FIRST, active=True)
    assert host.undo.pending
    assert host.said == [
        STOP,
        "systemd-run --quiet --collect --unit=asgi-fleet-firewall-undo --on-active=60 "
        f"--timer-property=AccuracySec=100ms /bin/sh {host.folder}/run/undo",
    ]
    assert (host.folder / "run").stat().st_mode & 0o777 == 0o700


def test_rules_and_what_ufw_sets_are_put_back(host: Host) -> None:
    host.undo.arm(60, FIRST, active=False)
    host.rules.write_text("after\n")
    (host.folder / "sys/martians").write_text("0\n")
    host.undo.take_back()
    assert host.rules.read_text() == "before\n"
    assert (host.folder / "sys/martians").read_text() == "1\n"
    assert not host.undo.pending
    assert host.said[3:] == [
        STOP,
        "ufw --force disable",
        "iptables -P INPUT ACCEPT",
        "iptables -P FORWARD DROP",
    ]
    assert host.undo.keep(SECOND) == "the host has taken the change back before"


def test_a_firewall_that_was_on_stays_on(host: Host) -> None:
    host.undo.arm(60, FIRST, active=True)
    host.undo.take_back()
    assert "ufw reload" in host.said
    assert "ufw --force disable" not in host.said


def test_only_a_new_connection_is_a_proof(host: Host) -> None:
    host.undo.arm(60, FIRST, active=True)
    host.undo.count(60)
    assert host.undo.keep(FIRST) == "this is not a new connection"
    assert host.undo.keep(None) == "this is not a new connection"
    assert host.undo.pending
    assert host.undo.keep(SECOND) == ""
    assert not host.undo.pending
    assert host.said[-1] == STOP
    assert not (host.folder / "run").exists()
    assert "no change" in host.undo.keep(SECOND)


def test_the_way_back_waits_for_what_is_being_changed(host: Host) -> None:
    host.undo.arm(1, FIRST, active=False)
    with subprocess.Popen(["/bin/sh", str(host.undo.script)]) as early:
        with pytest.raises(subprocess.TimeoutExpired):
            early.wait(0.5)
        assert host.undo.pending
        host.rules.write_text("after\n")
        host.undo.count(60)
        # Of a process that dies, the lock is given up as well.
        early.wait(30)
    assert host.rules.read_text() == "before\n"
    assert [line for line in host.said if "systemd-run" in line][-1].count("--on-active=60") == 1


def test_it_is_decided_once(host: Host) -> None:
    host.undo.arm(60, FIRST, active=False)
    host.undo.decided.mkdir()
    host.undo.take_back()
    assert "ufw --force disable" not in host.said


def test_a_second_change_has_a_way_back_of_its_own(host: Host) -> None:
    host.undo.arm(60, FIRST, active=False)
    host.undo.take_back()
    host.undo.arm(60, FIRST, active=False)
    assert host.undo.pending
