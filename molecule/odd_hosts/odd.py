"""One of the odd hosts, by itself: playbooks are limited to it.

    def test_something(hard: Odd) -> None:
        hard.shell("echo a script, as root")
        hard.succeed("release", app_env={"COLOUR": "red"})  # playbooks/release.yml, extra variables
        hard.succeed("../deploy")

Nothing is deployed at first. A test brings its own application (`app_name`) where another test of
the same host must not see it.
"""

from __future__ import annotations

import shlex
import time
from dataclasses import dataclass
from pathlib import Path

from events import Shop

#: A Host of its own for each machine, of which one leads to the other.
SSH_CONFIG = """
Host bastion
  HostName 127.0.0.1
  Port {port}
Host {name}
  HostName {address}
  Port 2200
  ProxyJump bastion
Host *
  User root
  IdentityFile {key}
  StrictHostKeyChecking no
  UserKnownHostsFile /dev/null
  LogLevel ERROR
"""


class Odd(Shop):
    """A host, and the operator at the controller."""

    @classmethod
    def alone(cls, folder: Path, host: str) -> Odd:
        """Return a host of the inventory, to which nothing has been deployed."""
        odd = cls.connected(folder, Path(__file__).parent / "inventory", host)
        odd.ssh = {host: odd.ssh[host]}
        return odd

    @property
    def name(self) -> str:
        """Its name in the inventory."""
        return self.hosts[0]

    def command(self, playbook: str, **extra: object) -> list[str]:
        """The command line of a playbook, for this host only."""
        return super().command(playbook, **{"limit": self.name, **extra})

    def refused(self, playbook: str, *told: str, **extra: object) -> str:
        """Run a playbook that must be refused with these texts; return what was printed."""
        result = self.play(playbook, **extra)
        assert result.returncode != 0, result.stdout[-6000:]
        # Long lines are wrapped, in the middle of a sentence.
        said = " ".join(result.stdout.split())
        for text in told:
            assert text in said, f"{text!r} is not in:\n{result.stdout[-6000:]}"
        return result.stdout


@dataclass(frozen=True)
class Jump:
    """The way to a host through another one.

    Attributes:
        config: The operator's SSH configuration.
        name: The host's name there; another each time, or Ansible would use an earlier connection.
        bastion: The bastion's, as the host sees it.
    """

    config: Path
    name: str
    bastion: str

    @classmethod
    def over(cls, bastion: Odd, host: Odd, folder: Path) -> Jump:
        """Write the configuration for a way over a bastion."""
        ways = [one.shell("hostname -I").split()[0] for one in (host, bastion)]
        command = bastion.ssh[bastion.name]
        key, port = (command[command.index(option) + 1] for option in ("-i", "-p"))
        config, name = folder / "config", f"inner-{time.time_ns()}"
        text = SSH_CONFIG.format(port=port, key=key, address=ways[0], name=name)
        config.write_text(text, encoding="utf-8")
        return cls(config, name, ways[1])

    @property
    def alias(self) -> dict[str, object]:
        """Variables for the Host of the configuration, with its ProxyJump, and another port."""
        return self._by(2200)

    @property
    def proxied(self) -> dict[str, object]:
        """Variables for a ProxyCommand instead."""
        command = f"ProxyCommand=ssh -F {self.config} -W %h:%p bastion"
        return self._by(22, f" -o {shlex.quote(command)}")

    def _by(self, port: int, more: str = "") -> dict[str, object]:
        common = f"-F {self.config}{more}"
        return {"ansible_host": self.name, "ansible_port": port, "ansible_ssh_common_args": common}

    def log_ins(self, host: Odd, since: str) -> list[str]:
        """The log-ins at the host that came by the bastion since then."""
        return host.shell(
            f"journalctl --unit=ssh --since={since} --output=cat"
            f" --grep=' from {self.bastion} port ' || :"
        ).splitlines()
