"""A fresh host, its provider's console, and the operator's machine.

host.console("a script, as root, without the network")
host.ssh("root", password=PASSWORD)            # whether that gets in
operator.bootstrap("boot-trixie", password=True)
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
#: As inventory/hosts.yml has it.
PASSWORD = "the password of root"
DROP_IN = "/etc/ssh/sshd_config.d/00-asgi-fleet.conf"
#: A lost connection is noticed in seconds; connections are of this session alone.
SSH_ARGS = (
    "-o ControlMaster=auto -o ControlPersist=60s -o ServerAliveInterval=2 -o ServerAliveCountMax=2"
)


@dataclass
class Operator:
    """Whoever has the key, at a machine of his own: nothing of ~/.ssh is used."""

    folder: Path

    def __post_init__(self) -> None:
        """Make the key."""
        self.key, self.known_hosts = self.folder / "id_ed25519", self.folder / "known_hosts"
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "ada@laptop"]
        subprocess.run([*command, "-f", str(self.key)], check=True)
        self.known_hosts.touch()
        self.askpass = self.folder / "askpass"
        self.askpass.write_text('#!/bin/sh\necho "$TOLD"\n', encoding="utf-8")
        self.askpass.chmod(0o700)

    @property
    def options(self) -> list[str]:
        """Options of ssh."""
        pairs = {
            "UserKnownHostsFile": self.known_hosts,
            "StrictHostKeyChecking": "yes",
            "IdentityAgent": "none",
            "IdentitiesOnly": "yes",
        }
        return [word for name, value in pairs.items() for word in ("-o", f"{name}={value}")]

    @property
    def environment(self) -> dict[str, str]:
        """The environment of Ansible."""
        return {
            **os.environ,
            "ANSIBLE_SSH_ARGS": SSH_ARGS,
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(self.folder),
            "ANSIBLE_NOCOLOR": "1",
        }

    def command(self, playbook: str, *hosts: Host, **variables: object) -> list[str]:
        """The command line of a playbook for hosts."""
        common = {
            "ansible_host": "127.0.0.1",
            "ansible_ssh_private_key_file": str(self.key),
            "ansible_ssh_common_args": " ".join(self.options),
        }
        named = {host.name: {"ansible_port": host.port} for host in hosts}
        inventory = self.folder / f"inventory-{'-'.join(named)}.json"
        content = {"app": {"hosts": named, "vars": common}}
        inventory.write_text(json.dumps(content), encoding="utf-8")
        return [
            *("ansible-playbook", f"--inventory={inventory}", str(ROOT / playbook)),
            f"--extra-vars={json.dumps(variables)}",
        ]

    def bootstrap(
        self, *hosts: Host, password: bool = False, check: bool = False, **variables: object
    ) -> subprocess.CompletedProcess[str]:
        """Run the playbook, and return what came of it, its lines in one.

        The file stands for what -k asks for.
        """
        told = self.folder / "password"
        told.write_text(PASSWORD, encoding="utf-8")
        result = subprocess.run(
            [
                *self.command("playbooks/bootstrap.yml", *hosts, **variables),
                *([f"--connection-password-file={told}"] if password else []),
                *(["--check"] if check else []),
            ],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert PASSWORD not in result.stdout + result.stderr
        # Long lines are wrapped, in the middle of a sentence.
        result.stdout = " ".join((result.stdout + result.stderr).split())
        return result


@dataclass
class Host:
    """A host."""

    name: str
    operator: Operator

    def __post_init__(self) -> None:
        """Find where it is."""
        self.container = "-".join(filter(None, [os.environ.get("FLEET_LAB"), self.name]))
        published = subprocess.run(
            ["podman", "port", self.container, "22"], capture_output=True, text=True, check=True
        )
        self.port = int(published.stdout.strip().rpartition(":")[2])

    def console(self, script: str, *, check: bool = True) -> str:
        """Run a script as root, without SSH."""
        result = subprocess.run(
            ["podman", "exec", self.container, "sh", "-c", script],
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0 or not check, result.stderr
        return result.stdout.strip()

    def ssh(self, user: str, command: str = "true", password: str = "") -> str:
        """Log in by the key, or by a password; return what was said, or ssh's refusal."""
        kind = "password,keyboard-interactive" if password else "publickey"
        result = subprocess.run(
            [
                *("ssh", *self.operator.options, "-o", f"PreferredAuthentications={kind}"),
                *("-o", "NumberOfPasswordPrompts=1", "-o", "ConnectTimeout=5"),
                *("-i", str(self.operator.key), "-p", str(self.port), f"{user}@127.0.0.1"),
                command,
            ],
            env={
                **os.environ,
                "SSH_ASKPASS": str(self.operator.askpass),
                "SSH_ASKPASS_REQUIRE": "force",
                "TOLD": password,
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
            stdin=subprocess.DEVNULL,
        )
        return (result.stdout if result.returncode == 0 else result.stderr).strip()

    def wait(self, what: Callable[[], Any], seconds: float) -> float:
        """Wait until something holds; return how long that took."""
        begin = time.monotonic()
        while not what():
            assert time.monotonic() - begin < seconds, f"not after {seconds} seconds"
            time.sleep(0.5)
        return time.monotonic() - begin

    @property
    def is_closed(self) -> bool:
        """Whether our file of sshd is there."""
        return self.console(f"test -e {DROP_IN} && echo yes || :") == "yes"

    def reopen(self) -> None:
        """Be as the provider handed it over, but for the account."""
        self.console(f"rm -rf {DROP_IN} /run/asgi-fleet-login; systemctl reload ssh")

    def cut_when_closed(self) -> None:
        """Have the cable cut as soon as our file of sshd is there."""
        gateway = self.console("ip -4 route show default | sed 's/.* via \\([0-9.]*\\).*/\\1/'")
        self.console(
            f"systemd-run --quiet --collect --unit=cut --path-property=PathExists={DROP_IN}"
            f" ip route add blackhole {gateway}/32"
        )

    @property
    def is_cut(self) -> bool:
        """Whether the cable is cut."""
        return bool(self.console("ip route show type blackhole"))

    def mend(self) -> None:
        """Mend the cable."""
        self.console(
            "systemctl stop cut.path 2>/dev/null;"
            " ip route show type blackhole | while read -r kind to rest; do"
            " ip route del blackhole $to; done"
        )


def kill_with_children(pid: int) -> None:
    """Kill a process and all that it has started: a worker of Ansible has a session of its own."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text(encoding="utf-8").rpartition(")")[2].split()[1])
        except FileNotFoundError:
            continue
        children.setdefault(parent, []).append(int(stat.parent.name))
    family = [pid]
    for one in family:
        family += children.get(one, [])
    for one in family:
        with contextlib.suppress(ProcessLookupError):
            os.kill(one, signal.SIGKILL)


def changed(output: str) -> list[int]:
    """Return the counts of changed tasks, by host."""
    return [int(count) for count in re.findall(r" changed=(\d+) ", output)]
