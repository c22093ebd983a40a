"""The server set bends to what an application requires."""

from __future__ import annotations

from pathlib import Path

from events import Shop
from projects import Project

APPLICATION = """
from fastapi import FastAPI, WebSocket

app = FastAPI()

@app.get("/healthz")
async def healthz():
    return {}

@app.websocket("/echo")
async def echo(websocket: WebSocket):
    await websocket.accept()
    await websocket.send_text(await websocket.receive_text())
"""
#: Asks a slot for an upgrade, as nginx does, and prints the status of the answer.
UPGRADE = """python3 -c '
import socket
one = socket.socket(socket.AF_UNIX)
one.settimeout(10)
one.connect("/var/lib/{name}/live.sock")
one.sendall(b"GET /echo HTTP/1.1\\r\\nHost: {name}.example.com\\r\\nUpgrade: websocket\\r\\n"
    b"Connection: Upgrade\\r\\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\\r\\n"
    b"Sec-WebSocket-Version: 13\\r\\n\\r\\n")
print(one.recv(100).split()[1].decode())
'"""


def write(folder: Path, *requirements: str) -> Path:
    """Write an application that requires these besides FastAPI."""
    (folder / "main.py").write_text(APPLICATION)
    lines = "".join(f"{one}\n" for one in ("fastapi", *requirements))
    (folder / "requirements.txt").write_text(lines)
    return folder


def test_server_set_bends_to_the_application_down_to_its_floors(shop: Shop, tmp_path: Path) -> None:
    project = Project(shop, "echo")

    # Plain uvicorn has no WebSocket library: every upgrade was answered with 404.
    project.release(write(tmp_path, "uvicorn==0.38.0"))
    server = project.manifest["installation"]["server"]
    assert (server["uvicorn"], server["uvicorn-worker"]) == ("0.38.0", "0.4.0")
    assert project.installed.keys() >= {"websockets", "httptools", "uvloop"}
    assert shop.shell(UPGRADE.format(name="echo")) == "101"

    # A Gunicorn that needs pkg_resources and takes no class; a Uvicorn before the newest worker.
    project.release(write(tmp_path, "gunicorn==20.1.0", "uvicorn==0.30.6"))
    assert project.manifest["installation"]["server"] == {
        "gunicorn": "20.1.0",
        "uvicorn": "0.30.6",
        "uvicorn-worker": "0.3.0",
    }
    assert shop.shell(UPGRADE.format(name="echo")) == "101"

    live = project.folder
    told = "uvicorn is 0.17.6, and 0.18.0 or later is needed; the dependencies (requirements.txt)"
    project.refuse(write(tmp_path, "uvicorn==0.17.6"), "", told)
    assert project.folder == live
