"""The worker's coming and going, under a real Gunicorn on a socket that this process holds.

This process is systemd (it hands the listener over by LISTEN_FDS, sd_listen_fds(3)) and nginx (it
keeps connections open and sends requests on them at the worst moments).
"""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import unix_connect

FILES = Path(__file__).resolve().parents[3] / "roles" / "gunicorn_service" / "files"
LINGER, DRAIN, LONG_REQUEST = 0.8, 1.6, 3.0
#: Seconds after which a test gives up on what never comes.
PATIENCE = 15.0

APPLICATION = f"""
import asyncio, os, pathlib, time

# A model that blocks, at import and in the lifespan.
SLOW = float(os.environ.get("SLOW", "0"))
time.sleep(SLOW)

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await asyncio.sleep(0.1)
        time.sleep(SLOW)
        await send({{"type": "lifespan.startup.complete"}})
        await receive()
        pathlib.Path(f"ended-{{os.getpid()}}").touch()
        await send({{"type": "lifespan.shutdown.complete"}})
    elif scope["type"] == "websocket":
        await receive()
        await send({{"type": "websocket.accept"}})
        while (message := await receive())["type"] == "websocket.receive":
            await send({{"type": "websocket.send", "text": message["text"]}})
    elif scope["path"] == "/events":
        kind = [(b"content-type", b"text/event-stream")]
        await send({{"type": "http.response.start", "status": 200, "headers": kind}})
        while True:
            event = {{"type": "http.response.body", "body": b"data: x\\n\\n", "more_body": True}}
            await send(event)
            await asyncio.sleep(0.1)
    else:
        if scope["path"] == "/long":
            await asyncio.sleep({LONG_REQUEST})
        body = str(os.getpid()).encode()
        if scope["path"] == "/hang":
            time.sleep(60)
        healthy = scope["path"] != "/healthz" or not pathlib.Path("ill").exists()
        moved = scope["path"] == "/healthz" and pathlib.Path("moved").exists()
        headers = [(b"content-length", str(len(body)).encode()), (b"connection", b"keep-alive")]
        headers = headers[1:] if pathlib.Path("chunked").exists() else headers
        headers += [(b"location", b"/health/")] if moved else []
        status = 307 if moved else 200 if healthy else 503
        start = {{"type": "http.response.start", "status": status}}
        await send(start | {{"headers": headers}})
        await send({{"type": "http.response.body", "body": body}})
"""
SETTINGS = """
import sys
sys.path.insert(0, {files!r})
from draining_worker import DrainingWorker, Slot
from slot_master import forget_worker

slot = Slot(
    socket={folder!r} + "/blue.sock",
    live_link={folder!r} + "/live.sock",
    runtime_directory={folder!r},
    health_path="/healthz",
    health_host="shop.example.com",
    linger={linger},
    drain={drain},
    request_timeout=10,
    boot_timeout=60,
)
workers = {workers}
worker_class = "draining_worker.DrainingWorker"
DrainingWorker.slot = slot
worker_tmp_dir = slot.runtime_directory
timeout = {timeout}
graceful_timeout = 20
keepalive = 75
control_socket_disable = True

def child_exit(server, worker):
    forget_worker(slot.runtime_directory, worker.pid)
"""
#: Puts the listener where systemd would, and becomes Gunicorn.
LAUNCHER = (
    "import os, sys\n"
    "os.dup2(int(sys.argv[1]), 3)\n"
    "os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid()))\n"
    "gunicorn = [sys.executable, '-m', 'gunicorn', '--config', 'conf.py', 'app:app']\n"
    "os.execv(sys.executable, gunicorn)\n"
)


def until(found: Callable[[], object]) -> None:
    """Wait until `found` returns something true."""
    deadline = time.monotonic() + PATIENCE
    while not found():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


@dataclass
class Blue:
    """The blue slot of an application in a folder, with its listener."""

    folder: Path
    listener: socket.socket
    masters: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(
        self, workers: int = 1, linger: float = LINGER, timeout: int = 30
    ) -> subprocess.Popen[bytes]:
        """Start a Gunicorn and wait until its workers have reported that they are healthy."""
        known = set(self.reports())
        settings = SETTINGS.format(
            files=str(FILES),
            folder=str(self.folder),
            workers=workers,
            linger=linger,
            drain=DRAIN,
            timeout=timeout,
        )
        (self.folder / "conf.py").write_text(settings)
        fd = self.listener.fileno()
        with (self.folder / "log").open("ab") as log:
            master = subprocess.Popen(
                [sys.executable, "-c", LAUNCHER, str(fd)],
                cwd=self.folder,
                pass_fds=[fd],
                stderr=log,
            )
        self.masters.append(master)
        until(lambda: len(set(self.reports()) - known) >= workers)
        return master

    def reports(self) -> dict[int, dict[str, object]]:
        """Return what the workers reported of themselves, by PID."""
        return {
            int(path.stem.partition("-")[2]): json.loads(path.read_text())
            for path in self.folder.glob("worker-*.json")
        }

    def point_live_at(self, slot: str) -> None:
        link = self.folder / "live.sock"
        link.unlink(missing_ok=True)
        link.symlink_to(self.folder / f"{slot}.sock")

    def connect(self) -> Connection:
        return Connection(str(self.folder / "blue.sock"))

    def log(self) -> str:
        return (self.folder / "log").read_text()


class Connection:
    """One connection, as nginx keeps it."""

    def __init__(self, path: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(path)
        self.received = b""

    def send(self, path: str = "/") -> None:
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: shop.example.com\r\n\r\n".encode())

    def answer(self) -> tuple[int, str, str]:
        """Return status, Connection header and body of one answer with a known length."""
        head = self._read_until(b"\r\n\r\n").decode().lower()
        fields = dict(line.split(": ", 1) for line in head.strip().splitlines()[1:])
        body = b""
        while len(body) < int(fields["content-length"]):
            body += self._receive()
        return int(head.split()[1]), fields.get("connection", ""), body.decode()

    def get(self, path: str = "/") -> tuple[int, str, str]:
        self.send(path)
        return self.answer()

    def rest(self) -> bytes:
        """Return everything until the other side closes."""
        found = b""
        while part := self._receive():
            found += part
        return found

    def _read_until(self, end: bytes) -> bytes:
        while end not in self.received:
            part = self.socket.recv(65536)
            assert part, "closed without an answer"
            self.received += part
        head, _, self.received = self.received.partition(end)
        return head

    def _receive(self) -> bytes:
        part, self.received = self.received or self.socket.recv(65536), b""
        return part


@contextlib.contextmanager
def blue_in(folder: Path) -> Iterator[Blue]:
    """Make a slot, live from the beginning; its processes end with it."""
    (folder / "app.py").write_text(APPLICATION)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "blue.sock"))
        listener.listen(64)
        blue = Blue(folder, listener)
        blue.point_live_at("blue")
        try:
            yield blue
        finally:
            for master in blue.masters:
                if master.poll() is None:
                    master.terminate()
                    master.wait(PATIENCE)


@pytest.fixture
def blue(tmp_path: Path) -> Iterator[Blue]:
    with blue_in(tmp_path) as slot:
        yield slot


# Coming


def test_every_worker_reports_its_own_health_and_is_forgotten_when_it_ends(blue: Blue) -> None:
    master = blue.start(workers=2)
    reports = blue.reports()
    assert len(reports) == 2
    assert reports == {pid: {"status": 200, "answer": str(pid)} for pid in reports}

    master.terminate()
    assert master.wait(PATIENCE) == 0
    assert blue.reports() == {}


def test_ill_worker_reports_until_it_is_well(blue: Blue) -> None:
    (blue.folder / "ill").touch()
    blue.start()
    assert [report["status"] for report in blue.reports().values()] == [503]
    (blue.folder / "ill").unlink()
    until(lambda: [report["status"] for report in blue.reports().values()] == [200])


def test_answer_in_chunks_is_reported_without_their_sizes(blue: Blue) -> None:
    (blue.folder / "chunked").touch()
    blue.start()
    [(pid, report)] = blue.reports().items()
    assert report == {"status": 200, "answer": str(pid)}


def test_redirected_worker_reports_where_to(blue: Blue) -> None:
    (blue.folder / "moved").touch()
    blue.start()
    [report] = blue.reports().values()
    assert report == {"status": 307, "answer": "to /health/"}


def test_start_may_block_for_longer_than_a_worker_that_serves(
    blue: Blue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLOW", "4")
    blue.start(timeout=1)
    assert "WORKER TIMEOUT" not in blue.log()
    # Once it serves, a loop that hangs ends the worker as before; its successor starts as slowly.
    [hanging] = blue.reports()
    blue.connect().send("/hang")
    until(lambda: "WORKER TIMEOUT" in blue.log())
    until(lambda: blue.reports().keys() - {hanging})


# Being replaced


def test_answers_close_their_connection_only_while_another_slot_is_live(blue: Blue) -> None:
    blue.start()
    connection = blue.connect()
    assert [connection.get()[:2] for _ in range(2)] == [(200, "keep-alive")] * 2

    blue.point_live_at("green")
    assert connection.get()[:2] == (200, "close")
    assert connection.rest() == b""
    assert blue.connect().get()[1] == "close"

    blue.point_live_at("blue")
    assert blue.connect().get()[1] == "keep-alive"
    (blue.folder / "live.sock").unlink()
    assert blue.connect().get()[1] == "keep-alive"


@dataclass
class Drained:
    """What became of everything that was open when a replaced slot got SIGTERM."""

    idle: list[tuple[int, str, str]]
    new: tuple[int, str, str]
    long: tuple[int, str, str]
    events: bytes
    websocket_code: int | None
    websocket_seconds: float
    exit_status: int
    lifespan_ended: bool
    log: str


@pytest.fixture(scope="module")
def drained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drained]:
    """Stop a slot that was replaced while it holds connections of every kind."""
    with blue_in(tmp_path_factory.mktemp("blue")) as blue:
        master = blue.start()
        (worker,) = blue.reports()
        idle = [blue.connect() for _ in range(5)]
        for connection in idle:
            connection.get()
        long, events = blue.connect(), blue.connect()
        long.send("/long")
        events.send("/events")
        with unix_connect(str(blue.folder / "blue.sock"), "ws://shop.example.com/") as websocket:
            websocket.send("hello")
            assert websocket.recv(PATIENCE) == "hello"

            blue.point_live_at("green")
            master.terminate()
            began = time.monotonic()
            time.sleep(LINGER / 4)
            answers = [connection.get() for connection in idle]
            new = blue.connect().get()
            websocket.send("still there")
            assert websocket.recv(PATIENCE) == "still there"
            with contextlib.suppress(ConnectionClosed):
                websocket.recv(PATIENCE)
            seconds = time.monotonic() - began
            code = websocket.close_code
        yield Drained(
            idle=answers,
            new=new,
            long=long.answer(),
            events=events.rest(),
            websocket_code=code,
            websocket_seconds=seconds,
            exit_status=master.wait(PATIENCE),
            lifespan_ended=(blue.folder / f"ended-{worker}").exists(),
            log=blue.log(),
        )


def test_replaced_slot_answers_each_idle_connection_once_more(drained: Drained) -> None:
    assert [answer[:2] for answer in drained.idle] == [(200, "close")] * 5


def test_replaced_slot_still_accepts_what_was_on_its_way(drained: Drained) -> None:
    assert drained.new[:2] == (200, "close")


def test_replaced_slot_finishes_a_long_request(drained: Drained) -> None:
    assert drained.long[0] == 200


def test_replaced_slot_ends_event_streams_by_a_last_chunk(drained: Drained) -> None:
    assert drained.events.startswith(b"HTTP/1.1 200 OK\r\n")
    assert drained.events.count(b"data: x\n\n") >= DRAIN / 0.1 / 2
    assert drained.events.endswith(b"\r\n0\r\n\r\n")


def test_replaced_slot_ends_websockets_by_service_restart_after_the_drain(
    drained: Drained,
) -> None:
    assert drained.websocket_code == 1012
    assert drained.websocket_seconds >= DRAIN


def test_replaced_slot_ends_its_lifespan_and_itself_in_order(drained: Drained) -> None:
    assert drained.lifespan_ended
    assert drained.exit_status == 0
    assert "Traceback" not in drained.log
    assert "timeout graceful shutdown exceeded" not in drained.log


# Going while live


def test_live_worker_without_connections_leaves_at_once(blue: Blue) -> None:
    master = blue.start(linger=PATIENCE)
    master.terminate()
    assert master.wait(PATIENCE / 2) == 0


def test_restart_of_a_live_slot_answers_idle_connections_and_queues_new_ones(blue: Blue) -> None:
    master = blue.start()
    (old,) = blue.reports()
    idle = blue.connect()
    idle.get()
    master.terminate()
    answers = []

    def leaves() -> bool:
        # Until the worker knows, it answers as before.
        answers.append(idle.get())
        return answers[-1][1] == "close"

    until(leaves)
    assert {(status, pid) for status, _connection, pid in answers} == {(200, str(old))}
    new = blue.connect()
    new.send()
    assert master.wait(PATIENCE) == 0

    blue.start()
    status, connection, pid = new.answer()
    assert (status, connection) == (200, "keep-alive")
    assert int(pid) in blue.reports()


def test_worker_ends_by_itself_when_its_master_is_gone(blue: Blue) -> None:
    master = blue.start()
    (worker,) = blue.reports()
    master.send_signal(signal.SIGKILL)
    master.wait(PATIENCE)
    # A zombie, where nobody reaps it, has ended as well.
    until(lambda: state(worker) in ("", "Z"))
    assert (blue.folder / f"ended-{worker}").exists()
    assert "Gunicorn's master is gone; this worker ends" in blue.log()


def state(pid: int) -> str:
    """Return a process's state letter (proc_pid_stat(5)), or nothing when it is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        return text.rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""
