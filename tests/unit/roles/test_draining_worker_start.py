"""The worker's start, of an application that blocks its event loop, under a real Gunicorn."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

FILES = Path(__file__).resolve().parents[3] / "roles" / "gunicorn_service" / "files"
#: Seconds after which Gunicorn replaces a worker that does not beat, and what blocks for longer.
TIMEOUT, BLOCKED = 1, 3.5
PATIENCE = 15.0
APPLICATION = f"""
import time
time.sleep({BLOCKED})

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        time.sleep({BLOCKED})
        await send({{"type": "lifespan.startup.complete"}})
        await receive()
        await send({{"type": "lifespan.shutdown.complete"}})
        return
    if scope["path"] == "/block":
        time.sleep({BLOCKED})
    await send({{"type": "http.response.start", "status": 200, "headers": []}})
    await send({{"type": "http.response.body", "body": b""}})
"""
SETTINGS = """
import sys
sys.path.insert(0, {files!r})
from draining_worker import DrainingWorker, Slot

slot = Slot(
    socket={folder!r} + "/blue.sock",
    live_link={folder!r} + "/live.sock",
    runtime_directory={folder!r},
    health_path="/healthz",
    health_host="shop.example.com",
    linger=0.1,
    drain=0.1,
    request_timeout=1,
    start={start},
)
bind = "unix:" + slot.socket
worker_class = DrainingWorker
DrainingWorker.slot = slot
worker_tmp_dir = slot.runtime_directory
timeout = {timeout}
control_socket_disable = True
"""
Start = Callable[[float], None]


def until(found: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not found():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


@pytest.fixture(name="start")
def start_gunicorn(tmp_path: Path) -> Iterator[Start]:
    """Starts a Gunicorn whose workers have so many seconds to start."""
    masters = []

    def start(seconds: float) -> None:
        (tmp_path / "app.py").write_text(APPLICATION)
        (tmp_path / "conf.py").write_text(
            SETTINGS.format(files=str(FILES), folder=str(tmp_path), start=seconds, timeout=TIMEOUT)
        )
        command = [sys.executable, "-m", "gunicorn", "--config", "conf.py", "app:app"]
        with (tmp_path / "log").open("wb") as log:
            masters.append(
                subprocess.Popen(command, cwd=tmp_path, stderr=log, start_new_session=True)
            )

    yield start
    for master in masters:
        os.killpg(master.pid, signal.SIGKILL)
        master.wait(PATIENCE)


def test_start_may_block_for_longer_than_a_request(tmp_path: Path, start: Start) -> None:
    start(60)
    until(lambda: list(tmp_path.glob("worker-*.json")))
    log = tmp_path / "log"
    assert "WORKER TIMEOUT" not in log.read_text()

    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(tmp_path / "blue.sock"))
        client.sendall(b"GET /block HTTP/1.1\r\nHost: shop.example.com\r\n\r\n")
        until(lambda: "WORKER TIMEOUT" in log.read_text())


def test_start_that_takes_longer_than_it_may_ends(tmp_path: Path, start: Start) -> None:
    start(TIMEOUT)
    until(lambda: "WORKER TIMEOUT" in (tmp_path / "log").read_text())
    assert not list(tmp_path.glob("worker-*.json"))
