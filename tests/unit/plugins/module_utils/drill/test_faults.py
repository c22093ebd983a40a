"""Faults: each is over before it is told to be, or is a unit that ends by itself."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.drill import faults, units
from ansible_collections.asgi.fleet.plugins.module_utils.drill.units import DrillError
from ansible_collections.asgi.fleet.plugins.module_utils.host import systemd
from ansible_collections.asgi.fleet.plugins.module_utils.slots.health import Health

from tests.unit.plugins.module_utils.slot_host import Host


def request(application: Application, most_bytes: int = 1 << 60) -> faults.Request:
    health = Health("/healthz", "shop.example.com", timeout=1)
    return faults.Request(application, health, 60, most_bytes)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
    """Units that are only noted, and run for ever."""
    calls: list[tuple[object, ...]] = []
    monkeypatch.setattr(faults, "start", lambda *given: calls.append(given[1:]))
    monkeypatch.setattr(faults, "running", lambda *_: bool(calls))
    return calls


def test_a_host_without_a_live_release_is_refused(host: Host) -> None:
    with pytest.raises(DrillError, match="shop has no live release on this host; expected one"):
        faults.kill_worker(request(host.application))


def test_a_killed_worker_must_be_replaced(live: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    killed: list[int] = []
    workers = [[11, 12], [12], [12, 13]]
    monkeypatch.setattr(faults, "workers_of", lambda _master: workers[0])
    monkeypatch.setattr(os, "kill", lambda pid, _signal: killed.append(pid))
    problems = ["1 of 2 workers run", None]

    def unhealthy(*_: object) -> str | None:
        workers.pop(0)
        return problems.pop(0)

    monkeypatch.setattr(faults, "unhealthy", unhealthy)

    def look(_seconds: float) -> None:
        if len(workers) > 2:
            workers.pop(0)

    monkeypatch.setattr(time, "sleep", look)
    assert faults.kill_worker(request(live.application)) >= 0
    assert killed == [11]
    assert problems == []


def test_a_host_that_does_not_heal_is_told(live: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faults, "HEAL_SECONDS", 0.2)
    monkeypatch.setattr(os, "kill", lambda *_: None)
    with pytest.raises(DrillError, match=r"shop@blue is not healthy after 0.2 s: what was killed"):
        faults.kill_master(request(live.application))


def test_a_large_disk_is_not_filled(live: Host, started: list[object]) -> None:
    Path(live.application.releases).mkdir(parents=True, exist_ok=True)
    with pytest.raises(DrillError, match=r"does not fill it; to fill .*: -e drill_disk_mb=\d+"):
        faults.fill_disk(request(live.application, most_bytes=1024))
    assert started == []


def test_a_disk_is_filled_by_a_unit_with_a_limit(
    live: Host, started: list[tuple[object, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    free = [100 << 20, 3 << 20]
    monkeypatch.setattr(faults, "_free", lambda _folder: free.pop(0))
    faults.fill_disk(request(live.application))
    ((name, command, seconds),) = started
    assert (name, seconds) == ("fill", 60)
    assert command[-2:] == [live.application.releases, str(96 << 20)]  # type: ignore[index]


def test_what_fills_a_disk_is_gone_with_its_process(tmp_path: Path) -> None:
    command = [sys.executable, "-I", "-c", faults.FILL, str(tmp_path), str(8 << 20)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "full\n"
        assert list(tmp_path.iterdir()) == []
        process.kill()


@pytest.fixture
def sshd(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[int, str], None]:
    """Choose what `sshd -t` says."""

    def says(status: int, text: str) -> None:
        program = tmp_path / "programs" / "sshd"
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\necho '{text}' >&2\nexit {status}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")

    says(0, "")
    return says


@pytest.mark.usefixtures("sshd")
def test_a_lost_host_has_sshd_again_when_its_unit_ends(
    live: Host,
    started: list[tuple[object, ...]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    states = {"ssh.socket": "inactive", "ssh.service": "active"}
    monkeypatch.setattr(systemd, "show", lambda unit: {"ActiveState": states[unit]})
    faults.lose_host(request(live.application))
    ((name, command, seconds, after),) = started
    assert (name, seconds) == ("lose", faults.LURK_SECONDS + 60)
    assert command[-2:] == ["shop@green.service", "60"]  # type: ignore[index]
    assert "systemctl stop ssh.service\n" in str(command[2])  # type: ignore[index]
    assert after == "ExecStopPost=/usr/bin/systemctl start ssh.service"


def test_sshd_that_would_not_come_back_is_left_alone(
    live: Host,
    started: list[tuple[object, ...]],
    monkeypatch: pytest.MonkeyPatch,
    sshd: Callable[[int, str], None],
) -> None:
    monkeypatch.setattr(systemd, "show", lambda _unit: {"ActiveState": "active"})
    sshd(255, "line 3: Bad configuration")
    with pytest.raises(DrillError, match=r"sshd would not start again: line 3: Bad"):
        faults.lose_host(request(live.application))
    monkeypatch.setattr(systemd, "show", lambda _unit: {"ActiveState": "inactive"})
    with pytest.raises(DrillError, match=r"neither ssh\.socket nor ssh\.service runs on this host"):
        faults.lose_host(request(live.application))
    assert started == []


def test_the_script_of_a_lost_host_is_one() -> None:
    script = faults.LOSE.format(units="ssh.service", processes="sshd|sshd-session")
    assert subprocess.run(["sh", "-n", "-c", script], check=False).returncode == 0


def test_mending_ends_what_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stopped: list[str] = []
    monkeypatch.setattr(faults, "running", lambda _application, name: name == "fill")
    monkeypatch.setattr(faults, "stop", lambda _application, name: stopped.append(name))
    assert faults.mend(Application("shop", str(tmp_path))) == ["fill"]
    assert stopped == ["fill"]


def test_a_unit_has_a_limit_and_is_collected(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "systemd-run"
    program.write_text(f'#!/bin/sh\nfor word; do echo "$word"; done > {tmp_path}/words\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(systemd, "systemctl", lambda *_, **_options: "")
    units.start(Application("shop"), "load", ["sleep", "$1 ${x}"], 300, "DynamicUser=yes")
    words = (tmp_path / "words").read_text().splitlines()
    assert "--collect" in words
    assert "--unit=asgi-fleet-shop-drill-load.service" in words
    assert "--property=RuntimeMaxSec=300" in words
    assert "--property=DynamicUser=yes" in words
    # Or systemd would read its own variables there.
    assert words[-2:] == ["sleep", "$$1 $${x}"]
    program.write_text("#!/bin/sh\necho no bus >&2\nexit 1\n")
    with pytest.raises(DrillError, match="systemd does not start asgi-fleet-shop-drill-load"):
        units.start(Application("shop"), "load", ["sleep", "1"], 300)
