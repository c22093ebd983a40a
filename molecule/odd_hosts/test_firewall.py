"""A host that is open, and on which somebody listens, is closed.

Before it is deployed to: all of it is the role `host_baseline`, and the module that it calls.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from odd import Odd

ROLE = {"name": "asgi.fleet.host_baseline"}
#: What else the role does is not looked at here.
QUICK = {
    "host_baseline_packages": [],
    "host_baseline_time_sync_enabled": False,
    "host_baseline_sysctl": {},
    "host_baseline_unattended_upgrades_enabled": False,
}
UDP = "import socket, time; s = socket.socket(2, 2); s.bind(('', {port})); time.sleep(9999)"
UNITS = {
    "database": "python3 -m http.server 5432",
    "cache": "python3 -m http.server 6379 --bind 127.0.0.1",
    # In the range of clients, and named where it was started.
    "tunnel": f'python3 -c "{UDP.format(port=51820)}"',
    "client": f'python3 -c "{UDP.format(port=0)}"',
}


class Firewall:
    """The firewall of a host."""

    def __init__(self, odd: Odd, folder: Path) -> None:
        self.odd, self.folder = odd, folder

    def run(
        self, action: str, options: dict[str, object], *arguments: str, **variables: object
    ) -> subprocess.CompletedProcess[str]:
        """Run a task alone."""
        play = [{"hosts": "app", "gather_facts": False, "tasks": [{action: options}]}]
        playbook = self.folder / "play.yml"
        playbook.write_text(json.dumps(play), encoding="utf-8")
        command = self.odd.command("release", **QUICK, **variables)
        command[1] = str(playbook)
        return subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)

    def role(self, *arguments: str, **variables: object) -> subprocess.CompletedProcess[str]:
        """Run the role."""
        return self.run("ansible.builtin.include_role", dict(ROLE), *arguments, **variables)

    @property
    def status(self) -> str:
        """What ufw says."""
        return self.odd.shell("ufw status 2>/dev/null || echo none")


@pytest.fixture
def firewall(full: Odd, tmp_path: Path) -> Iterator[Firewall]:
    """A host without ufw, with four programs that listen, or seem to."""
    full.shell("dpkg --purge ufw; rm -rf /etc/ufw /run/asgi-fleet-firewall")
    for unit, command in UNITS.items():
        full.shell(f"systemd-run --quiet --collect --unit={unit} {command}")
    full.shell(
        "for port in 5432 6379 51820; do for second in $(seq 20); do"
        " ss -lntu | grep -q :$port && break; sleep 1; done; done"
    )
    yield Firewall(full, tmp_path)
    full.shell(f"systemctl stop {' '.join(UNITS)}; ufw --force disable; dpkg --purge ufw")


def test_who_listens_is_named_asked_about_and_kept(firewall: Firewall) -> None:
    told = [
        "odd-full: the firewall keeps TCP 5432 (database.service) open, which listens already",
        "odd-full: the firewall keeps UDP 51820 (tunnel.service) open, which listens already",
    ]
    refused = firewall.role(host_baseline_firewall="strict")
    assert refused.returncode != 0
    for text in (
        "would cut what listens on this host: TCP 5432 (database.service), UDP 51820",
        '- {port: 5432, comment: "database.service"}',
        '- {port: 51820, proto: udp, comment: "tunnel.service"}',
    ):
        assert text in refused.stdout
    # On a bare host as well, where ufw is not there to be asked.
    checked = firewall.role("--check", "--diff")
    assert checked.returncode == 0, checked.stdout
    assert firewall.status == "none"
    for text in (*told, "+ufw allow from any to any port 51820 proto udp"):
        assert text in checked.stdout

    closed = firewall.role()
    assert closed.returncode == 0, closed.stdout
    for text in told:
        assert text in closed.stdout
    status = firewall.status
    assert "Status: active" in status
    for text in ("22/tcp", "80/tcp", "5432/tcp", "51820/udp", "# adopted: database.service"):
        assert text in status
    assert "6379" not in status
    assert firewall.odd.shell("systemctl is-active asgi-fleet-firewall-undo.timer || :") == (
        "inactive"
    )

    # Once closed, what stops keeps its rule, and what comes is not let in by itself.
    firewall.odd.shell("systemctl stop database")
    firewall.odd.shell("systemd-run --quiet --collect --unit=client2 python3 -m http.server 7777")
    again = firewall.role(host_baseline_firewall="strict")
    assert " changed=0 " in again.stdout, again.stdout
    firewall.odd.shell("systemctl stop client2")
    assert firewall.status == status


def test_a_change_that_locks_the_operator_out_is_taken_back_by_the_host(
    firewall: Firewall,
) -> None:
    firewall.odd.shell("apt-get install --yes --no-install-recommends ufw >/dev/null")
    firewall.odd.shell("ufw allow 9999/udp comment theirs; iptables -P FORWARD DROP")
    saved = "cat /etc/ufw/*.rules /etc/ufw/ufw.conf /etc/default/ufw; iptables -S | grep ^-P"
    before = firewall.odd.shell(saved)
    result = firewall.run(
        "asgi.fleet.firewall",
        {"undo_seconds": 6, "rules": [{"port": "22", "rule": "deny"}]},
    )
    assert result.returncode != 0
    said = " ".join(result.stdout.split())
    assert "SSH to odd-full (port 22 there) did not open with the firewall on" in said
    assert "it was taken back by the host, which lets SSH in again" in said
    assert firewall.odd.shell(saved) == before
    assert firewall.status == "Status: inactive"


def test_a_firewall_of_the_host_stays(firewall: Firewall) -> None:
    firewall.odd.shell(
        "apt-get install --yes --no-install-recommends iptables >/dev/null;"
        "iptables -A INPUT -p tcp --dport 22 -j ACCEPT; iptables -A INPUT -j DROP"
    )
    try:
        kept = firewall.role()
        assert firewall.status == "none"
    finally:
        firewall.odd.shell("iptables -F INPUT")
    assert kept.returncode == 0, kept.stdout
    assert "odd-full: this host has a firewall of its own" in kept.stdout
    assert "let in there what is served: TCP 22, 80, 443" in kept.stdout
