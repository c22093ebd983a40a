"""Importing the application in the master, under a real Gunicorn: what is refused, and by name."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

FILES = Path(__file__).resolve().parents[3] / "roles" / "gunicorn_service" / "files"
PATIENCE = 20.0
SETTINGS = """
import sys
sys.path.insert(0, {files!r})
from slot_master import import_before_fork
bind = "unix:{folder}/slot.sock"
workers = 2
worker_class = "uvicorn_worker.UvicornWorker"
wsgi_app = "shop:app"
control_socket_disable = True
preload_app = True
import_before_fork("app_preload", {folder!r})
"""
APPLICATION = """
import os
IMPORTED_IN = os.getpid()

async def app(scope, receive, send):
    if scope["type"] == "http":
        body = f"{IMPORTED_IN} {os.getppid()}".encode()
        headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})
"""
ADVICE = (
    "asgi.fleet: a worker is a copy of the master: threads are not copied, and all workers would "
    "read from one connection; make it in the application's lifespan, or set app_preload: false"
)
LEAVES = "asgi.fleet: app_preload is true, and the import leaves "

THREAD = """
import threading, time
def poll():
    time.sleep(60)
threading.Thread(target=poll, name="poller", daemon=True).start()
"""
SQLITE = """
import sqlite3
connection = sqlite3.connect("shop.db")
connection.execute("create table if not exists note (text)")
in_memory = sqlite3.connect(":memory:")
"""
SQLITE_OF_ITS_OWN = """
import sqlite3
class Connection(sqlite3.Connection):
    pass
connection = sqlite3.connect("shop.db", factory=Connection)
"""
SQLITE_OF_A_THREAD = """
import sqlite3, threading
def connect():
    global connection
    connection = sqlite3.connect("shop.db")
    connection.execute("create table if not exists note (text)")
thread = threading.Thread(target=connect)
thread.start()
thread.join()
"""
LOOP = """
import asyncio
loop = asyncio.new_event_loop()
closed = asyncio.new_event_loop()
closed.close()
"""
HARMLESS = """
import socket, sqlite3, threading
listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
listener.connect(("127.0.0.1", 9))
pair = socket.socketpair()
thread = threading.Thread(target=print)
thread.start()
thread.join()
sqlite3.connect("shop.db").close()
"""
CONNECTION = """
import os, socket
class Engine:
    __module__ = "sqlalchemy.engine.base"
    __qualname__ = "Engine"
engine = Engine()
engine.connection = socket.create_connection(("127.0.0.1", int(os.environ["PORT"])))
"""


def start(folder: Path, text: str, port: int = 0) -> subprocess.Popen[str]:
    (folder / "shop.py").write_text(text + APPLICATION)
    settings = folder / "gunicorn.conf.py"
    settings.write_text(SETTINGS.format(files=str(FILES), folder=str(folder)))
    return subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "--config", str(settings)],
        cwd=folder,
        env=os.environ | {"PORT": str(port)},
        stderr=subprocess.PIPE,
        text=True,
    )


def refused(folder: Path, text: str, port: int = 0) -> tuple[int, str]:
    process = start(folder, text, port)
    _out, err = process.communicate(timeout=PATIENCE)
    return process.returncode, err


def ask(folder: Path) -> str:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(str(folder / "slot.sock"))
                client.sendall(b"GET / HTTP/1.0\r\n\r\n")
                answer = b"".join(iter(lambda: client.recv(4096), b""))
                return answer.decode().partition("\r\n\r\n")[2]
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.1)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (THREAD, f"{LEAVES}the running thread poller (shop.poll)\n{ADVICE}\n"),
        *(
            (text, f"{LEAVES}a connection to the SQLite database {{folder}}/shop.db\n{ADVICE}\n")
            for text in (SQLITE, SQLITE_OF_ITS_OWN, SQLITE_OF_A_THREAD)
        ),
    ],
    ids=["thread", "sqlite", "sqlite by its own class", "sqlite in a thread that ended"],
)
def test_what_does_not_survive_a_fork_is_refused_by_name(
    tmp_path: Path, text: str, told: str
) -> None:
    status, err = refused(tmp_path, text)
    assert (status, err.endswith(told.format(folder=tmp_path))) == (3, True), err


def test_a_connection_is_named_with_its_peer_and_its_pool(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        status, err = refused(tmp_path, CONNECTION, port)
    told = f"{LEAVES}a connection to 127.0.0.1:{port}, perhaps of sqlalchemy.engine.base.Engine\n"
    assert (status, told in err) == (3, True), err


@pytest.mark.parametrize("error", ["RuntimeError", "ValueError", "ImportError"])
def test_an_import_that_fails_shows_the_applications_traceback(tmp_path: Path, error: str) -> None:
    status, err = refused(tmp_path, f"def load():\n    raise {error}('no model')\nload()\n")
    assert status == 3
    assert 'shop.py", line 2, in load' in err
    assert f"{error}: no model" in err


@pytest.mark.parametrize(
    ("text", "doubtful"),
    [
        (HARMLESS, []),
        (
            LOOP,
            [
                "an event loop (asyncio.unix_events._UnixSelectorEventLoop), and a worker has one "
                "of its own"
            ],
        ),
    ],
    ids=["harmless", "loop"],
)
def test_the_application_is_imported_once_by_the_master(
    tmp_path: Path, text: str, doubtful: list[str]
) -> None:
    process = start(tmp_path, text)
    try:
        assert ask(tmp_path) == f"{process.pid} {process.pid}"
        assert json.loads((tmp_path / "preload.json").read_text()) == {"doubtful": doubtful}
    finally:
        process.send_signal(signal.SIGTERM)
        _out, err = process.communicate(timeout=PATIENCE)
    assert [LEAVES + one in err for one in doubtful] == [True] * len(doubtful)
