"""What events under load are made of: the hosts, the operator's playbooks, and the load."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[2]
DOMAIN = "shop.example.com"
#: Requests a second: enough to catch a request at every moment of a cut-over, few enough that two
#: cores can also run the deploys.
RATE = 400

# As molecule/config.yml has it, for those who run the tests by hand: they read what Ansible prints.
os.environ.setdefault("ANSIBLE_STDOUT_CALLBACK", "ansible.builtin.default")


@dataclass
class Shop:
    """The application on its hosts, and the operator at the controller.

    Attributes:
        folder: Where this session keeps its files.
        inventory: The scenario's own inventory.
        port: Where this machine reaches the shop over HTTPS.
        ssh: For each host the command that runs a script on it.
        variables: What the operator has changed since.
        versions: How many copies of the application were made.
        runs: The playbooks that were run: kept for the totals.
    """

    folder: Path
    inventory: Path
    port: int
    ssh: dict[str, list[str]]
    variables: dict[str, Any] = field(default_factory=dict)
    versions: int = 0
    runs: list[str] = field(default_factory=list)

    @classmethod
    def found(cls, folder: Path, inventory: Path, front: str) -> Self:
        """Return an inventory's shop, which is deployed, with the certificate of `front`."""
        shop = cls.connected(folder, inventory, front)
        certificate = shop.shell("cat /etc/shop/tls/fullchain.pem", front)
        (folder / "ca.pem").write_text(certificate, encoding="utf-8")
        return shop

    @classmethod
    def connected(cls, folder: Path, inventory: Path, front: str) -> Self:
        """Return the hosts of an inventory, deployed to or not.

        The host `front` publishes its HTTPS port, 1000 after that of SSH.
        """
        command = ["ansible-inventory", *_inventories(inventory), "--list"]
        result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        hosts = json.loads(result.stdout)["_meta"]["hostvars"]
        facts = {host: _resolved(inventory, host) for host in hosts}
        ssh = {
            host: [
                *("ssh", *facts[host]["ansible_ssh_common_args"].split(), "-o", "BatchMode=yes"),
                *("-i", facts[host]["ansible_ssh_private_key_file"]),
                *("-p", str(facts[host]["ansible_port"]), "root@127.0.0.1"),
            ]
            for host in hosts
        }
        return cls(folder, inventory, int(facts[front]["ansible_port"]) + 1000, ssh)

    @property
    def hosts(self) -> list[str]:
        """The hosts of the inventory."""
        return list(self.ssh)

    def command(self, playbook: str, **extra: object) -> list[str]:
        """The command line of a playbook, with extra variables; `limit` and `tags` are options."""
        limit, tags = extra.pop("limit", None), extra.pop("tags", None)
        return [
            *("ansible-playbook", f"{ROOT}/playbooks/{playbook}.yml"),
            *_inventories(self.inventory),
            *([f"--limit={limit}"] if limit else []),
            *([f"--tags={tags}"] if tags else []),
            f"--extra-vars={json.dumps({**self.variables, **extra})}",
        ]

    def play(self, playbook: str, **extra: object) -> subprocess.CompletedProcess[str]:
        """Run a playbook and return what it printed, whatever came of it."""
        self.runs.append(playbook)
        return subprocess.run(
            self.command(playbook, **extra), cwd=ROOT, capture_output=True, text=True, check=False
        )

    def succeed(self, playbook: str, **extra: object) -> str:
        """Run a playbook that must succeed."""
        result = self.play(playbook, **extra)
        assert result.returncode == 0, result.stdout[-6000:]
        return result.stdout

    def round_trips(self, playbook: str, **extra: object) -> int:
        """Run a playbook that must succeed, and count how often it asked a host."""
        self.runs.append(playbook)
        command = [*self.command(playbook, **extra), "-vvv"]
        result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stdout[-6000:]
        # On standard error where ANSIBLE_VERBOSE_TO_STDERR is set, as molecule does.
        count = (result.stdout + result.stderr).count("SSH: EXEC")
        assert count > 0
        return count

    def refuse(self, playbook: str, *told: str, **extra: object) -> str:
        """Run a playbook that must be refused, and tell why."""
        live = self.live()
        result = self.play(playbook, **extra)
        assert result.returncode != 0, result.stdout[-6000:]
        for text in told:
            assert text in result.stdout, f"{text!r} is not in:\n{result.stdout[-6000:]}"
        assert self.live() == live
        return result.stdout

    def new_version(self, tail: str = "", requirements: str = "") -> dict[str, Any]:
        """Make a copy of the sample application that makes another release; return `app_source`."""
        self.versions += 1
        source = self.folder / f"version-{self.versions}"
        shutil.copytree(ROOT / "app", source, ignore=shutil.ignore_patterns("tests", ".*"))
        with (source / "main.py").open("a", encoding="utf-8") as main:
            main.write(f"\n# version {time.time_ns()}\n{tail}\n")
        if requirements:
            (source / "requirements.txt").write_text(requirements, encoding="utf-8")
        return {"type": "path", "path": str(source)}

    def shell(self, script: str, host: str = "", *, check: bool = True) -> str:
        """Run a script on a host, by default the first, as root and return its output."""
        result = subprocess.run(
            [*self.ssh[host or self.hosts[0]], script],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert result.returncode == 0 or not check, result.stderr
        return result.stdout.strip()

    def live(self, host: str = "") -> str:
        """Slot and release that are live: `blue 1.0.0-5d600294`."""
        return self.shell(
            "slot=$(basename $(readlink /var/lib/shop/live.sock) .sock);"
            " echo $slot $(basename $(readlink /opt/shop/slots/$slot))",
            host,
        )

    def ask(self, path: str) -> dict[str, Any]:
        """Ask the application over HTTPS, as a visitor."""
        output = subprocess.run(
            [
                *("curl", "--silent", "--show-error", "--fail", "--max-time", "10"),
                *("--cacert", str(self.folder / "ca.pem")),
                *("--connect-to", f"{DOMAIN}:443:127.0.0.1:{self.port}", f"https://{DOMAIN}{path}"),
            ],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        answer: dict[str, Any] = json.loads(output)
        return answer


def _inventories(own: Path) -> list[str]:
    return [f"--inventory={path}" for path in (ROOT / "molecule/shared/inventory/lab.yml", own)]


def _resolved(inventory: Path, host: str) -> dict[str, Any]:
    """Return a host's variables, templates resolved, which ansible-inventory does not do."""
    output = subprocess.run(
        [
            *("ansible", *_inventories(inventory), host),
            *("-m", "debug", "-a", "var=hostvars[inventory_hostname]"),
        ],
        cwd=ROOT,
        env={**os.environ, "ANSIBLE_CALLBACK_RESULT_FORMAT": "json"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    variables: dict[str, Any] = json.loads(output.partition("=>")[2])
    return dict(variables["hostvars[inventory_hostname]"])


@dataclass
class Load:
    """The load generator, and what it has seen fail."""

    shop: Shop
    rate: int = RATE
    #: Seconds of silence after which a request counts as failed.
    timeout: int = 10
    process: subprocess.Popen[str] | None = None
    laps: list[dict[str, Any]] = field(default_factory=list)

    @property
    def events(self) -> Path:
        """What failed in the present lap: a JSON line for each."""
        return self.shop.folder / f"events-{len(self.laps)}.jsonl"

    @property
    def stop(self) -> Path:
        """The file that ends the present lap."""
        return self.shop.folder / f"stop-{len(self.laps)}"

    def start(self) -> None:
        """Begin a lap."""
        # Of another load of the same session.
        for left in (self.events, self.stop):
            left.unlink(missing_ok=True)
        address = f"127.0.0.1:{self.shop.port}"
        self.process = subprocess.Popen(
            [
                *(
                    sys.executable,
                    "-m",
                    "tests.load",
                    "--url",
                    f"https://{DOMAIN}:{self.shop.port}",
                ),
                *("--connect", address, "--cacert", str(self.shop.folder / "ca.pem")),
                *("--seconds", "3000", "--rate", str(self.rate), "--connections", "16"),
                *("--timeout", str(self.timeout)),
                *("--events", str(self.events), "--until-file", str(self.stop)),
            ],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        time.sleep(2)

    def failures(self, since: float) -> list[dict[str, Any]]:
        """What failed since a time (Unix seconds); a moment is given to what is still under way."""
        assert self.process is not None
        assert self.process.poll() is None, "the load generator has ended"
        time.sleep(1)
        lines = self.events.read_text(encoding="utf-8").splitlines() if self.events.exists() else []
        return [event for event in map(json.loads, lines) if event["time"] >= since]

    def end(self) -> dict[str, Any]:
        """End the lap and return its totals."""
        if self.process is not None:
            assert self.process.poll() is None, "the load generator has ended"
            self.stop.touch()
            output, _ = self.process.communicate(timeout=60)
            self.laps.append(json.loads(output.splitlines()[-1]))
            self.process = None
        return self.laps[-1]

    def total(self, key: str) -> int:
        """Return the sum of a number over all laps."""
        return sum(int(lap[key]) for lap in self.laps)
