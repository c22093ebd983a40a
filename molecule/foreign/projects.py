"""A project that is released to the host by variables alone, and what became of it.

    project = Project(shop, "flask")
    project.release(tmp_path, "web.main:app", app_env={"COLOUR": "red"})
    assert project.ask("/colour") == "red"

Only the release: no certificate and no site, which take longer. What nginx does is asked of the
projects that converge.yml deploys.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from events import ROOT, Shop

APPS = ROOT / "molecule" / "shared" / "apps" / "foreign"


@dataclass(frozen=True)
class Project:
    """An application on the host, by its name."""

    shop: Shop
    name: str

    def variables(self, source: Path | dict[str, Any], module: str = "") -> dict[str, Any]:
        """The variables of a release: the least that an operator types."""
        return {
            "app_name": self.name,
            "app_domain": f"{self.name}.example.com",
            "app_source": source
            if isinstance(source, dict)
            else {"type": "path", "path": str(source)},
            # Most of them have no site.
            "fleet_allow_unserved": True,
            **({"app_module": module} if module else {}),
        }

    def play(
        self, source: Path | dict[str, Any], module: str = "", **extra: object
    ) -> subprocess.CompletedProcess[str]:
        """Release it, and return what was printed, whatever came of it."""
        return self.shop.play("release", **{**self.variables(source, module), **extra})

    def release(self, source: Path | dict[str, Any], module: str = "", **extra: object) -> str:
        """Release it, which must succeed; return what was printed."""
        result = self.play(source, module, **extra)
        assert result.returncode == 0, result.stdout[-6000:]
        return result.stdout

    def refuse(
        self, source: Path | dict[str, Any], module: str = "", *told: str, **extra: object
    ) -> str:
        """Release it, which must be refused with these texts; return what was printed."""
        result = self.play(source, module, **extra)
        assert result.returncode != 0, result.stdout[-6000:]
        # Long lines are wrapped, in the middle of a sentence.
        said = " ".join(result.stdout.split())
        for text in told:
            assert text in said, f"{text!r} is not in:\n{result.stdout[-6000:]}"
        return result.stdout

    @property
    def folder(self) -> str:
        """The live release."""
        return self.shop.shell(
            f"readlink -f /opt/{self.name}/slots/"
            f"$(basename $(readlink /var/lib/{self.name}/live.sock) .sock)"
        )

    @property
    def manifest(self) -> dict[str, Any]:
        """What the live release says of itself."""
        told: dict[str, Any] = json.loads(self.shop.shell(f"cat {self.folder}/manifest.json"))
        return told

    @property
    def installed(self) -> dict[str, str]:
        """The packages of the live release, name to version, as their metadata has them."""
        told = self.shop.shell(
            f"for one in {self.folder}/.venv/lib/python*/site-packages/*.dist-info/METADATA; do"
            ' sed -n "/^Name: /{s///;h};/^Version: /{s///;H;x;s/\\n/ /p;q}" $one; done'
        )
        pairs = (line.split() for line in told.splitlines())
        return {
            name.lower().replace("_", "-").replace(".", "-"): version for name, version in pairs
        }

    def ask(self, path: str = "/healthz", options: str = "") -> str:
        """Ask the live slot as nginx would, without nginx; `options` are those of curl."""
        return self.shop.shell(
            "curl --silent --show-error --fail-with-body --max-time 10"
            f" --unix-socket /var/lib/{self.name}/live.sock {options}"
            f" 'http://{self.name}.example.com{path}'"
        )

    def visit(self, path: str = "/healthz", options: str = "") -> str:
        """Ask over HTTPS, through nginx, as a visitor would."""
        domain = f"{self.name}.example.com"
        return self.shop.shell(
            "curl --silent --show-error --fail-with-body --max-time 10"
            f" --cacert /etc/{self.name}/tls/fullchain.pem --resolve {domain}:443:127.0.0.1"
            f" {options} 'https://{domain}{path}'"
        )
