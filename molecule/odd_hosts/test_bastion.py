"""A host that is reached through another one, and on another port, is closed.

What is released that way is in test_hardened.py.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from odd import Jump, Odd
from test_firewall import QUICK, ROLE

SSHD = "/etc/ssh/sshd_config.d/00-bastion.conf"
OPEN = "! command -v ufw || ufw --force reset; systemctl restart ssh"


@pytest.fixture
def host(hard: Odd) -> Iterator[Odd]:
    """A host that is open, and whose sshd listens on two ports."""
    hard.shell(f"printf 'Port 22\\nPort 2200\\n' >{SSHD}; {OPEN}")
    yield hard
    hard.shell(f"rm {SSHD}; {OPEN}")


def test_firewall_is_proven_through_the_bastion(host: Odd, full: Odd, tmp_path: Path) -> None:
    jump, since = Jump.over(full, host, tmp_path), f"@{host.shell('date +%s')}"
    play = [{"hosts": "app", "gather_facts": False, "roles": [{"role": ROLE["name"]}]}]
    playbook = tmp_path / "play.yml"
    playbook.write_text(json.dumps(play), encoding="utf-8")
    command = host.command("release", **QUICK, **jump.alias)
    command[1] = str(playbook)
    closed = subprocess.run(command, capture_output=True, text=True, check=False)
    assert closed.returncode == 0, closed.stdout[-6000:]

    # One to work by, and one for the proof.
    assert len(jump.log_ins(host, since)) == 2
    status = host.shell("ufw status; systemctl is-active asgi-fleet-firewall-undo.timer || :")
    assert "Status: active" in status
    # By the first the session comes; on the other sshd listens.
    assert "2200/tcp" in status
    assert "\n22/tcp" in status
    assert status.endswith("inactive")
