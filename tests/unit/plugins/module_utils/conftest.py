"""Hosts with an application, before and after its first activation."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.host import confined, systemd
from ansible_collections.asgi.fleet.plugins.module_utils.host.confined import Confinement, Outcome
from ansible_collections.asgi.fleet.plugins.module_utils.protocol import world
from ansible_collections.asgi.fleet.plugins.module_utils.slots import activation, cut_over
from ansible_collections.asgi.fleet.plugins.module_utils.slots.hooks import HookError

from tests.unit.plugins.module_utils.slot_host import Host


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    host = Host(tmp_path)
    Path(host.application.slot("blue").files["socket"]).parent.mkdir(parents=True)
    monkeypatch.setattr(systemd, "systemctl", host.systemctl)
    monkeypatch.setattr(activation, "verify_units", lambda *_: None)
    monkeypatch.setattr(cut_over, "POLL_SECONDS", 0.02)
    commands = tmp_path / "bin"
    commands.mkdir()
    journalctl = commands / "journalctl"
    journalctl.write_text(
        f'#!/bin/sh\necho "$@" >> {tmp_path}/journalctl\n'
        '[ "$1" = --sync ] || cat <<E\n'
        '{"_PID": "7", "MESSAGE": "starting"}\n'
        '{"_PID": "7", "MESSAGE": "login with s3cret-value: no"}\n'
        "E\n"
    )
    journalctl.chmod(0o755)
    monkeypatch.setenv("PATH", f"{commands}:{os.environ['PATH']}")
    yield host
    host.stop_workers()
    for listener in host.listeners:
        # shutdown() wakes the thread in accept(), which close() alone would not.
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


@pytest.fixture
def live(host: Host) -> Host:
    """A host where release 1.0 is live in blue."""
    host.activate(host.desired())
    host.calls.clear()
    host.requests.clear()
    return host


@pytest.fixture
def hook_calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Hooks that are only noted; one that begins with `fail: ` fails, for the rest of it."""
    calls: list[str] = []

    def run(command: str, *_: object) -> dict[str, object]:
        calls.append(command)
        if command.startswith("fail: "):
            raise HookError(command.removeprefix("fail: "))
        return {}

    monkeypatch.setattr(activation, "run_hook", run)
    return calls


@pytest.fixture
def confinements(monkeypatch: pytest.MonkeyPatch) -> list[Confinement]:
    """Programs run as a child of the test, since no systemd is here; how they would be confined.

    What systemd makes of a confinement is tested on real hosts (molecule/trust).
    """
    seen: list[Confinement] = []

    def run(command: Sequence[str], confinement: Confinement, *, answers: bool = False) -> Outcome:
        seen.append(confinement)
        environment = {"PATH": world.PATH, "HOME": "/nonexistent", "LANG": "C.UTF-8"}
        try:
            result = subprocess.run(
                command,
                cwd=confinement.folder,
                env={**environment, **confinement.environment},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE if answers else subprocess.STDOUT,
                text=True,
                check=False,
                timeout=confinement.timeout,
            )
        except subprocess.TimeoutExpired:
            return Outcome(-9, "", problem="it took too long", timed_out=True)
        problem = f"exit status {result.returncode}" if result.returncode else ""
        output = result.stderr if answers and result.returncode else result.stdout
        return Outcome(result.returncode, output, 0.1, problem)

    monkeypatch.setattr(confined, "run", run)
    return seen
