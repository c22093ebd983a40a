"""The operator's inventory of two hosts, and the playbooks run with it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import yaml
from events import ROOT, Shop

SCENARIO = Path(__file__).parent
LAB = ROOT / "molecule" / "shared" / "inventory" / "lab.yml"


@dataclass
class Fleet:
    """Two hosts, and an operator who has an inventory of their own for them.

    Attributes:
        folder: Of this session.
        scenario: The folder whose inventory this is.
        inventory: A copy of the scenario's inventory: what a run writes beside it is the session's.
        env: The environment of the playbooks. What a test changes here, it changes back.
        first_plan: What a plan said before the first deploy.
    """

    folder: Path
    scenario: Path = SCENARIO
    inventory: Path = field(init=False)
    env: dict[str, str] = field(init=False)
    first_plan: str = ""

    def __post_init__(self) -> None:
        self.inventory = self.folder / "inventory" / "shop"
        shutil.copytree(self.scenario / "inventory", self.inventory)
        self.env = {
            **os.environ,
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_INVENTORY": f"{LAB},{self.inventory}",
            "COLUMNS": "160",
            "NO_COLOR": "1",
        }
        self.set()

    @property
    def hosts(self) -> list[str]:
        """The hosts: `op1` is the canary, `op2` the second wave."""
        return self.shop.hosts

    @property
    def settings_file(self) -> Path:
        """What tests set, over the variables of the scenario's inventory."""
        return self.inventory / "group_vars" / "app.yml"

    @cached_property
    def shop(self) -> Shop:
        """The hosts by SSH, and the application as a visitor sees it through `op1`."""
        return Shop.found(self.folder, self.scenario / "inventory", "op1")

    def set(self, **variables: object) -> None:
        """Change variables of the inventory, for the rest of the session."""
        path = self.settings_file
        path.parent.mkdir(exist_ok=True)
        settings = yaml.safe_load(path.read_text("utf-8")) if path.exists() else {}
        path.write_text(yaml.safe_dump(settings | variables), encoding="utf-8")

    @contextmanager
    def having(self, **variables: object) -> Iterator[None]:
        """Change variables of the inventory, for the length of a `with` block."""
        before = self.settings_file.read_text("utf-8")
        self.set(**variables)
        try:
            yield
        finally:
            self.settings_file.write_text(before, encoding="utf-8")

    def command(self, playbook: str, *arguments: str) -> list[str]:
        """The command line of a playbook: `deploy` is `playbooks/deploy.yml`."""
        return ["ansible-playbook", f"playbooks/{playbook}.yml", *arguments]

    def run(self, playbook: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a playbook and return what it printed, whatever came of it."""
        return subprocess.run(
            self.command(playbook, *arguments),
            cwd=ROOT,
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
        )

    def succeed(self, playbook: str, *arguments: str) -> str:
        """Run a playbook that must succeed, and return its standard output."""
        result = self.run(playbook, *arguments)
        assert result.returncode == 0, (result.stdout[-6000:], result.stderr[-2000:])
        return result.stdout

    def fail(self, playbook: str, *arguments: str) -> str:
        """Run a playbook that must fail, and return its standard output."""
        result = self.run(playbook, *arguments)
        assert result.returncode != 0, result.stdout[-6000:]
        return result.stdout

    def start(self, playbook: str, *arguments: str) -> subprocess.Popen[str]:
        """Start a playbook in a process group of its own, both its outputs in one pipe."""
        return subprocess.Popen(
            self.command(playbook, *arguments),
            cwd=ROOT,
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def deploy(self, *arguments: str) -> str:
        """Provision both hosts and release to them."""
        return self.succeed("deploy", *arguments)

    def change_app(self, tail: str = "") -> Path:
        """Have a new release in the inventory: a copy of the sample application.

        Args:
            tail: Python code for the end of its `main.py`, to make it a bad one.

        Returns:
            The copy.
        """
        source = self.shop.new_version(tail)
        self.set(app_source=source)
        return Path(source["path"])

    def live(self, host: str = "op1") -> str:
        """The release that is live on a host: `1.0.0-5d600294`."""
        return self.shop.live(host).split()[1]
