"""The inventory of an application with backups, and the playbooks run with it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from events import ROOT, Shop

DATABASE = "/var/lib/shop/state/fleet-sample.sqlite3"
SCENARIO = Path(__file__).parent
LAB = ROOT / "molecule" / "shared" / "inventory" / "lab.yml"
VARIABLES = yaml.safe_load((SCENARIO / "inventory" / "hosts.yml").read_text("utf-8"))["app"]["vars"]


@dataclass
class Fleet:
    """Two hosts, and an operator who has an inventory of their own for them.

    Attributes:
        folder: Of this session.
        inventory: A copy of the scenario's inventory, whose variables a test may change.
    """

    folder: Path
    inventory: Path = field(init=False)

    def __post_init__(self) -> None:
        self.inventory = self.folder / "inventory" / "shop"
        shutil.copytree(SCENARIO / "inventory", self.inventory)

    @cached_property
    def shop(self) -> Shop:
        """The hosts by SSH."""
        return Shop.connected(self.folder, SCENARIO / "inventory", "bk1")

    @property
    def settings_file(self) -> Path:
        """What a test sets, over the variables of the scenario's inventory."""
        return self.inventory / "group_vars" / "app.yml"

    def set(self, **variables: object) -> None:
        """Change variables of the inventory, for the rest of the session."""
        path = self.settings_file
        path.parent.mkdir(exist_ok=True)
        settings = yaml.safe_load(path.read_text("utf-8")) if path.exists() else {}
        path.write_text(yaml.safe_dump(settings | variables), encoding="utf-8")

    @contextmanager
    def having(self, **backup: object) -> Iterator[None]:
        """Change keys of `app_backup`, for the length of a `with` block."""
        self.set(app_backup=VARIABLES["app_backup"] | backup)
        try:
            yield
        finally:
            self.set(app_backup=VARIABLES["app_backup"])

    def command(self, playbook: str, *arguments: str) -> list[str]:
        """The command line of a playbook: `deploy` is `playbooks/deploy.yml`."""
        return ["ansible-playbook", f"playbooks/{playbook}.yml", *arguments]

    @property
    def env(self) -> dict[str, str]:
        """The environment of the playbooks."""
        return {
            **os.environ,
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_INVENTORY": f"{LAB},{self.inventory}",
            "COLUMNS": "160",
            "NO_COLOR": "1",
        }

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

    def start(self, playbook: str, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a playbook in a process group of its own; nobody reads what it prints."""
        return subprocess.Popen(
            self.command(playbook, *arguments),
            cwd=ROOT,
            env=self.env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def new_release(self) -> None:
        """Have another release in the inventory: a copy of the sample application."""
        self.set(app_source=self.shop.new_version(""))

    def live(self, host: str = "bk1") -> str:
        """The release that is live on a host."""
        return self.shop.live(host).split()[1]

    def record(self, host: str = "bk1") -> dict[str, Any]:
        """What a host remembers of its backups."""
        found: dict[str, Any] = json.loads(self.shop.shell("cat /var/lib/shop/backup.json", host))
        return found

    def migrations(self, database: str = DATABASE) -> int:
        """How many times the hook that migrates has run, by a database."""
        query = "SELECT count(*) FROM migrations_log"
        return int(self.shop.shell(f"sqlite3 {database} '{query}'", "bk1"))
