"""The host and the load of the events, for the whole session."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator

import pytest
from events import HOST, INVENTORIES, ROOT, Load, Shop


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """The deployed application."""
    inventories = [f"--inventory={path}" for path in INVENTORIES]
    facts = json.loads(
        subprocess.run(
            [
                "ansible",
                *inventories,
                HOST,
                "-m",
                "debug",
                "-a",
                "var=hostvars[inventory_hostname]",
            ],
            cwd=ROOT,
            env={**os.environ, "ANSIBLE_CALLBACK_RESULT_FORMAT": "json"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.partition("=>")[2]
    )["hostvars[inventory_hostname]"]
    ssh = [
        *("ssh", *facts["ansible_ssh_common_args"].split(), "-o", "BatchMode=yes"),
        *("-i", facts["ansible_ssh_private_key_file"], "-p", str(facts["ansible_port"])),
        "root@127.0.0.1",
    ]
    folder = tmp_path_factory.mktemp("shop")
    shop = Shop(folder, {}, int(facts["ansible_port"]) + 1000, ssh)
    (folder / "ca.pem").write_text(shop.shell("cat /etc/shop/tls/fullchain.pem"), encoding="utf-8")
    return shop


@pytest.fixture(scope="session")
def load(shop: Shop) -> Iterator[Load]:
    """Requests of every kind, for as long as the session lasts."""
    running = Load(shop)
    running.start()
    yield running
    if running.process is not None:
        running.end()
