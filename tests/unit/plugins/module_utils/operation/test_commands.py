"""The start of a command on a host: what it runs in, what is kept of it, and for whom.

What systemd makes of it is tested on real hosts (molecule/commands/test_run.py).
"""

from __future__ import annotations

import json
import os
import pwd
import subprocess
import syslog
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.host import systemd
from ansible_collections.asgi.fleet.plugins.module_utils.operation import commands
from ansible_collections.asgi.fleet.plugins.module_utils.operation.commands import (
    CommandError,
    Request,
)
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.sandbox import Sandbox

SECRET = "s3cret-of-the-shop"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Application:
    monkeypatch.setattr(commands, "RUNTIME", str(tmp_path))
    return Application("shop", str(tmp_path))


def live_release(shop: Application) -> str:
    """Have 1.1 live in blue, with a secret and a public value in its environment."""
    slot = shop.slot("blue")
    release = Path(shop.releases, "1.1")
    (release / "src").mkdir(parents=True)
    for link, target in ((shop.live_link, slot.socket), (slot.release_link, str(release))):
        Path(link).parent.mkdir(parents=True)
        Path(link).symlink_to(target)
    environment = Path(slot.files["environment"])
    environment.parent.mkdir(parents=True)
    environment.write_text(f'TOKEN="{SECRET}"\nGREETING="hello-there"\n')
    return str(release)


def test_nothing_live_is_told(shop: Application) -> None:
    with pytest.raises(CommandError, match=r"shop has no live release on this host; expected one"):
        commands.live(shop)


def test_live_slot_is_found_with_its_account(
    shop: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = live_release(shop)
    monkeypatch.setattr(systemd, "systemctl", lambda *_, **__: "User=shop-runner\n")
    found = commands.live(shop)
    assert (found.slot.slot, found.release, found.user) == ("blue", release, "shop-runner")


def test_unit_without_an_account_is_refused(
    shop: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    live_release(shop)
    monkeypatch.setattr(systemd, "systemctl", lambda *_, **__: "User=\n")
    with pytest.raises(CommandError, match=r"shop@blue.service names no account"):
        commands.live(shop)


class Account:
    """What pwd(5) has of the service's account."""

    pw_uid = 4321


@pytest.fixture
def started(shop: Application, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """Start a command with a secret in it, and return what would start its keeper."""
    live_release(shop)
    calls: list[tuple[str, ...]] = []
    monkeypatch.setattr(systemd, "systemctl", lambda *_, **__: "User=shop-runner\n")
    monkeypatch.setattr(commands, "open_places", lambda *_: [])
    monkeypatch.setattr(os, "chown", lambda *_: None)
    monkeypatch.setattr(pwd, "getpwnam", lambda _name: Account())
    monkeypatch.setattr(syslog, "syslog", lambda *_: None)
    monkeypatch.setattr(commands, "_run", lambda *call: calls.append(call))
    request = Request(
        "00c0ffee",
        ["echo", SECRET, "hello-there"],
        "ada@laptop",
        60,
        Sandbox(),
        "50%",
        ["GREETING"],
    )
    commands.start(shop, request)
    return calls


@pytest.mark.usefixtures("started")
def test_command_is_recorded_without_its_secret(shop: Application) -> None:
    (line,) = Path(shop.commands).read_text().splitlines()
    noted = json.loads(line)
    assert noted["command"] == "echo <TOKEN> hello-there"
    assert SECRET not in line
    assert "hello-there" in line
    assert (noted["who"], noted["release"], noted["id"]) == ("ada@laptop", "1.1", "00c0ffee")


def test_secrets_of_a_run_are_for_root_alone(
    started: list[tuple[str, ...]], shop: Application
) -> None:
    folder = Path(shop.root, "asgi-fleet-shop-run-00c0ffee")
    assert folder.stat().st_mode & 0o777 == 0o700
    for name in ("environment", "secrets", "keeper", "output"):
        assert (folder / name).stat().st_mode & 0o077 == 0
    # What ps(1) shows to everybody.
    assert SECRET not in " ".join(map(" ".join, started))


@pytest.mark.usefixtures("started")
def test_keeper_is_a_script_that_a_shell_can_read(shop: Application) -> None:
    folder = Path(shop.root, "asgi-fleet-shop-run-00c0ffee")
    subprocess.run(["sh", "-n", folder / "keeper"], check=True)
    text = (folder / "keeper").read_text()
    assert "--property=BindsTo=asgi-fleet-shop-run-00c0ffee-keeper.service" in text
    assert "--property=MemoryMax=50%" in text


def test_nothing_is_left_of_what_did_not_start(
    shop: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    live_release(shop)
    monkeypatch.setattr(systemd, "systemctl", lambda *_, **__: "User=nobody-here\n")
    monkeypatch.setattr(commands, "open_places", lambda *_: [])
    with pytest.raises(KeyError):
        commands.start(shop, Request("00c0ffee", ["true"], "ada", 60, Sandbox()))
    assert not Path(shop.root, "asgi-fleet-shop-run-00c0ffee").exists()
