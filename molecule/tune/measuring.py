"""A host to measure on, the playbook, and the host as it was before."""

from __future__ import annotations

import json
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from events import ROOT, Shop

#: What the requests of the sample application are; a third of them has a body.
REQUESTS = [
    {"path": "/whoami", "weight": 2},
    {"path": "/echo", "method": "POST", "body": {"item": 7}, "headers": {"X-Shop": "tune"}},
]
#: Everything that a measurement could leave or change: files with mode, owner and content, what
#: systemd knows, packages, processes of the application, sockets that listen on TCP.
STATE = r"""
for folder in /etc /opt/shop /var/lib/shop /run/shop /run/systemd/system /run/systemd/transient; do
    # Worker reports are written anew all the time, and each look is a session of its own.
    find $folder -xdev ! -name 'worker-*' ! -name 'session-*' \
        ! -path '/opt/shop/releases/*' ! -name '*.pyc' -printf '%y %m %u:%g %p %l\n'
done
find /etc /var/lib/shop -xdev -type f -exec sha256sum {} +
systemctl list-units --all --plain --no-legend --type=service,socket,timer 'shop*' 'asgi-fleet*'
systemctl list-unit-files --no-legend 'shop*'
systemctl is-system-running
systemctl --failed --no-legend
dpkg-query --show
pgrep -u shop -l | sort
pgrep -x wrk; pgrep -x nginx | wc -l
ss --no-header --listening --tcp --numeric | awk '{print $4}' | sort
"""


@dataclass
class Bench:
    """The host `tune1`, with an operator whose inventory is a copy."""

    shop: Shop

    @property
    def inventory(self) -> Path:
        """The operator's inventory."""
        return self.shop.inventory

    @property
    def host_vars(self) -> Path:
        """The host's own file of variables."""
        return self.inventory / "host_vars" / "tune1.yml"

    def options(self, **more: object) -> dict[str, Any]:
        """What a short measurement is asked for."""
        short = {"tune_seconds": 2, "tune_rounds": 1, "tune_workers": "1,2"}
        return {
            "tune": "tune1",
            "tune_while_serving": True,
            "tune_requests": REQUESTS,
            **short,
            **more,
        }

    def measure(self, **more: object) -> str:
        """Measure, which must succeed, and return what was shown."""
        return self.shop.succeed("tune", **self.options(**more))

    def refuse(self, **more: object) -> str:
        """Measure, which must fail; return what was shown, in one line."""
        result = self.shop.play("tune", **self.options(**more))
        assert result.returncode != 0, result.stdout[-6000:]
        return " ".join(result.stdout.split())

    def begin(self, **more: object) -> subprocess.Popen[str]:
        """Start a measurement that takes minutes, and wait until its load runs."""
        run = subprocess.Popen(
            self.shop.command("tune", **self.options(tune_seconds=120, **more)),
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
            text=True,
        )
        deadline = time.monotonic() + 120
        while "wrk" not in self.shop.shell("pgrep -x wrk -l; true"):
            assert run.poll() is None, "it has ended before there was load"
            assert time.monotonic() < deadline, "no load"
            time.sleep(0.5)
        return run

    def state(self) -> list[str]:
        """The host, as it is."""
        return self.shop.shell(STATE, check=False).splitlines()

    def is_as_before(self, before: list[str], seconds: float) -> float:
        """Return after how many seconds the host is as it was, which must be soon."""
        began = time.monotonic()
        while (now := self.state()) != before:
            changed = sorted(set(now) ^ set(before))
            assert time.monotonic() - began < seconds, "\n".join(changed)
            time.sleep(0.5)
        return time.monotonic() - began

    def documents(self) -> list[Path]:
        """What measurements have left beside the inventory, oldest first."""
        return sorted((self.inventory.parent / "rollouts").rglob("tune-*.json"))

    def last(self) -> dict[str, Any]:
        """The last measurement."""
        told: dict[str, Any] = json.loads(self.documents()[-1].read_text("utf-8"))
        return told
