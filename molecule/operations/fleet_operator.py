"""The operator who has docs/operations.md open, and types what it says."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from events import ROOT, Shop

from tests.operations import PAGE, commands

SCENARIO = Path(__file__).parent
LAB = ROOT / "molecule" / "shared" / "inventory" / "lab.yml"
_CRON = re.compile(r"^[\d*]+ [\d*]+ [*] [*] [*]\s+")


@dataclass
class Operator:
    """Types commands of the page, in which only names are replaced.

    Attributes:
        folder: Of this session.
        inventory: The operator's own inventory, which changes with the story.
        names: What stands in the page, and what it is here.
    """

    folder: Path
    inventory: Path = field(init=False)
    names: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.inventory = self.folder / "inventory" / "shop"
        self.names = {
            "inventory/<yours>": str(self.inventory),
            "<clone>": str(ROOT),
            # The fleet has three hosts, of which one comes and goes.
            "web4": "web3",
        }
        own = self.inventory / "group_vars" / "all"
        own.mkdir(parents=True)
        (self.folder / "password").write_text("a-password-of-the-test\n", encoding="utf-8")
        hosts = (SCENARIO / "inventory" / "hosts.yml").read_text(encoding="utf-8")
        self.hosts_file.write_text(hosts, encoding="utf-8")
        settings = yaml.safe_load((SCENARIO / "inventory/group_vars/all.yml").read_text("utf-8"))
        secrets = {"app_secrets": settings.pop("app_secrets")}
        self.settings_file.write_text(yaml.safe_dump(settings), encoding="utf-8")
        vault = own / "vault"
        vault.write_text(yaml.safe_dump(secrets), encoding="utf-8")
        self._bash(f"ansible-vault encrypt {vault}")

    @property
    def hosts_file(self) -> Path:
        """The hosts of the inventory."""
        return self.inventory / "hosts.yml"

    @property
    def settings_file(self) -> Path:
        """The variables of the inventory, but for secrets."""
        return self.inventory / "group_vars" / "all" / "main.yml"

    @cached_property
    def shop(self) -> Shop:
        """The hosts, all three, and the application as visitors see it."""
        return Shop.found(self.folder, SCENARIO / "inventory", "lb1")

    def set(self, **variables: object) -> None:
        """Change variables of the inventory."""
        settings: dict[str, Any] = yaml.safe_load(self.settings_file.read_text("utf-8"))
        self.settings_file.write_text(yaml.safe_dump(settings | variables), encoding="utf-8")

    def without(self, host: str) -> None:
        """Take a host's line out of the inventory."""
        lines = self.hosts_file.read_text("utf-8").splitlines(keepends=True)
        self.hosts_file.write_text(
            "".join(line for line in lines if f"{host}:" not in line), encoding="utf-8"
        )

    def run(self, text: str, *, edit: str = "", **names: str) -> str:
        """Run a command of the page that must succeed.

        Args:
            text: The command.
            edit: What the editor does to the file, as a script of sed.
            names: What else stands in the page, and what it is here.
        """
        result = self._bash(self._resolved(text, names), edit)
        assert result.returncode == 0, (text, result.stdout[-6000:], result.stderr[-2000:])
        return result.stdout

    def fail(self, text: str, **names: str) -> str:
        """Run a command of the page that must fail."""
        result = self._bash(self._resolved(text, names))
        assert result.returncode != 0, (text, result.stdout[-6000:])
        return result.stdout

    def start(self, text: str) -> subprocess.Popen[str]:
        """Start a command of the page, in a process group of its own."""
        return subprocess.Popen(
            ["bash", "-c", self._resolved(text, {})],
            cwd=ROOT,
            env=self._environment(""),
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def _resolved(self, text: str, names: dict[str, str]) -> str:
        page = {command for _section, command in commands(PAGE.read_text("utf-8"))}
        assert text in page, f"docs/operations.md does not have {text!r}"
        replaced = self.names | names
        for name, real in replaced.items():
            text = text.replace(name, real)
        return _CRON.sub("", text)

    def _bash(self, command: str, edit: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-c", command],
            cwd=ROOT,
            env=self._environment(edit),
            capture_output=True,
            text=True,
            check=False,
        )

    def _environment(self, edit: str) -> dict[str, str]:
        editor = self.folder / "editor"
        editor.write_text(f"#!/bin/sh\nexec sed -i '{edit}' \"$1\"\n", encoding="utf-8")
        editor.chmod(0o755)
        return {
            **os.environ,
            # Instead of -i, which the page leaves out.
            "ANSIBLE_INVENTORY": f"{LAB},{self.inventory}",
            "ANSIBLE_VAULT_PASSWORD_FILE": str(self.folder / "password"),
            "EDITOR": str(editor),
            "NO_COLOR": "1",
        }
