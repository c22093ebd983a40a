"""What is told of an application: read from real files and processes."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.survey import application as app_state
from ansible_collections.asgi.fleet.plugins.module_utils.survey.application import (
    Questions,
    look,
    memory_mb,
)


@pytest.fixture
def shop(tmp_path: Path) -> Application:
    return Application("shop", str(tmp_path))


def make_live(shop: Application, *history: tuple[str, str, int]) -> None:
    """Make blue live with the last release of `history` (event, release, time) that is live."""
    link = Path(shop.live_link)
    link.parent.mkdir(parents=True)
    link.symlink_to(shop.slot("blue").socket)
    lines = [json.dumps({"event": e, "release": r, "at": at}) for e, r, at in history]
    Path(shop.activations).write_text("".join(f"{line}\n" for line in lines))
    slot = Path(shop.slot("blue").release_link)
    slot.parent.mkdir(parents=True)
    live = [name for event, name, _ in history if event == "live"][-1]
    slot.symlink_to(f"../releases/{live}")


def test_bare_host_has_no_state(shop: Application) -> None:
    state = look(shop, Questions())
    assert (state["application"], state["live"], state["workers"]) == ("shop", None, [])
    assert (state["workers_planned"], state["memory_mb"], state["health"]) == (0, 0, 0)
    assert (state["cpu_percent"], state["https"], state["certificate_days"]) == (None, None, None)
    assert (state["lock"], state["finished"], state["maintenance_since"]) == (None, None, None)
    assert (state["certificate_names"], state["idle_enabled"], state["releases"]) == ([], [], [])


@pytest.fixture
def answering(shop: Application) -> Iterator[None]:
    """Answer one request on blue's socket with 503."""
    path = Path(shop.slot("blue").socket)
    path.parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield
        thread.join(timeout=5)


def play_systemd(
    monkeypatch: pytest.MonkeyPatch, enabled: tuple[str, ...] = (), **state: str
) -> None:
    monkeypatch.setattr(app_state, "show", lambda _: {"MainPID": "0", "ActiveState": ""} | state)
    monkeypatch.setattr(app_state, "enabled", lambda units: set(units) & set(enabled))


BLUE = ("shop@blue.socket", "shop@blue.service")


def make_units(shop: Application, *slots: str) -> None:
    for slot in slots:
        for kind in ("socket", "service"):
            path = Path(shop.slot(slot).files[kind])
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()


@pytest.mark.usefixtures("answering")
def test_state_of_a_live_slot(shop: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    make_live(shop, ("live", "1.0", 5), ("live", "1.1", 7), ("refused", "1.2", 9))
    blue = shop.slot("blue")
    Path(blue.plan).parent.mkdir(parents=True)
    Path(blue.plan).write_text('{"workers": 2}\n')
    make_units(shop, "blue", "green")
    workers = [subprocess.Popen(["sleep", "60"]) for _ in range(3)]
    try:
        Path(blue.runtime_directory).mkdir()
        for worker in workers[:2]:
            report = Path(blue.runtime_directory, f"worker-{worker.pid}.json")
            report.write_text('{"status": 200, "answer": ""}')
        workers[1].send_signal(signal.SIGSTOP)
        at_boot = (*BLUE, "shop@green.socket")
        play_systemd(monkeypatch, at_boot, MainPID=str(os.getpid()), ActiveState="active")
        state = look(shop, Questions())
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()

    assert state["live"] == {
        "slot": "blue",
        "release": "1.1",
        "since": 7,
        "active": True,
        "enabled": True,
    }
    assert state["workers_planned"] == 2
    assert state["health"] == 503
    seen = {worker["pid"]: worker for worker in state["workers"]}
    assert [seen[worker.pid]["healthy"] for worker in workers] == [True, False, False]
    assert [seen[worker.pid]["stopped"] for worker in workers] == [False, True, False]
    assert state["idle_enabled"] == ["shop@green.socket"]
    assert state["cpu_percent"] is None or state["cpu_percent"] >= 0
    assert state["memory_mb"] >= memory_mb(os.getpid()) > 0


def test_state_of_a_live_slot_that_is_down(
    shop: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_live(shop, ("live", "1.0", 5))
    make_units(shop, "blue")
    play_systemd(monkeypatch, BLUE[:1], ActiveState="failed", MainPID="")
    state = look(shop, Questions())
    assert state["live"] is not None
    assert (state["live"]["active"], state["live"]["enabled"]) == (False, False)
    assert (state["workers"], state["memory_mb"], state["health"]) == ([], 0, 0)


def test_memory_of_a_process_that_is_gone_is_nothing() -> None:
    process = subprocess.Popen(["true"])
    process.wait()
    assert memory_mb(process.pid) == 0
