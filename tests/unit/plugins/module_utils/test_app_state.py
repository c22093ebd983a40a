"""What is told of an application: read from real files, processes and certificates."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils import app_state
from ansible_collections.asgi.fleet.plugins.module_utils.app_state import (
    certificate_days,
    look,
    memory_mb,
    planned_workers,
    releases,
)
from ansible_collections.asgi.fleet.plugins.module_utils.slots import Application
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


@pytest.fixture
def shop(tmp_path: Path) -> Application:
    return Application("shop", str(tmp_path))


def make_release(shop: Application, name: str, **manifest: object) -> None:
    folder = Path(shop.releases, name)
    (folder / ".venv" / "bin").mkdir(parents=True)
    (folder / ".venv" / "bin" / "python").symlink_to(sys.executable)
    (folder / "manifest.json").write_text(json.dumps(manifest))


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
    assert look(shop, "/healthz", "localhost", "") == {
        "live": None,
        "workers_planned": 0,
        "workers": [],
        "memory_mb": 0,
        "health": 0,
        "certificate_days": None,
        "releases": [],
    }


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


def play_systemd(monkeypatch: pytest.MonkeyPatch, enabled: bool = True, **state: str) -> None:
    monkeypatch.setattr(app_state, "show", lambda _: {"MainPID": "0", "ActiveState": ""} | state)
    monkeypatch.setattr(app_state, "is_enabled", lambda _: enabled)


@pytest.mark.usefixtures("answering")
def test_state_of_a_live_slot(shop: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    make_live(shop, ("live", "1.0", 5), ("live", "1.1", 7), ("refused", "1.2", 9))
    blue = shop.slot("blue")
    Path(blue.files["settings"]).parent.mkdir(parents=True)
    Path(blue.files["settings"]).write_text("# two\nworkers = 2\n")
    workers = [subprocess.Popen(["sleep", "60"]) for _ in range(2)]
    try:
        Path(blue.runtime_directory).mkdir()
        report = Path(blue.runtime_directory, f"worker-{workers[0].pid}.json")
        report.write_text('{"status": 200, "answer": ""}')
        play_systemd(monkeypatch, MainPID=str(os.getpid()), ActiveState="active")
        state = look(shop, "/healthz", "localhost", "")
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
    healthy = {worker["pid"]: worker["healthy"] for worker in state["workers"]}
    assert (healthy[workers[0].pid], healthy[workers[1].pid]) == (True, False)
    assert state["memory_mb"] >= memory_mb(os.getpid()) > 0


def test_state_of_a_live_slot_that_is_down(
    shop: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_live(shop, ("live", "1.0", 5))
    play_systemd(monkeypatch, enabled=False, ActiveState="failed", MainPID="")
    state = look(shop, "/healthz", "localhost", "")
    assert (state["live"]["active"], state["live"]["enabled"]) == (False, False)
    assert (state["workers"], state["memory_mb"], state["health"]) == ([], 0, 0)


@pytest.mark.parametrize(
    ("settings", "workers"), [("x = 1\nworkers = 12\n", 12), ("#workers = 3\n", 0), ("", 0)]
)
def test_planned_workers_are_read_from_the_settings(
    shop: Application, settings: str, workers: int
) -> None:
    path = Path(shop.slot("blue").files["settings"])
    path.parent.mkdir(parents=True)
    path.write_text(settings)
    assert planned_workers(shop.slot("blue")) == workers


def test_memory_of_a_process_that_is_gone_is_nothing() -> None:
    process = subprocess.Popen(["true"])
    process.wait()
    assert memory_mb(process.pid) == 0


@pytest.fixture(params=["January", "May", "October", "December"])
def certificate(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, datetime]:
    """A certificate, and when it expires: the 5th of a month, at noon."""
    end = datetime.strptime(f"5 {request.param} 2031 12", "%d %B %Y %H").replace(
        tzinfo=timezone.utc
    )
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "shop.example.com")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(end - timedelta(days=90))
        .not_valid_after(end)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "fullchain.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return str(path), end


@pytest.mark.parametrize(
    ("left", "days"),
    [
        (timedelta(days=90), 90),
        (timedelta(days=1, seconds=-1), 0),
        (timedelta(0), 0),
        (timedelta(seconds=-1), -1),
        (timedelta(days=-3), -3),
    ],
)
def test_certificate_days_are_whole_ones(
    certificate: tuple[str, datetime], left: timedelta, days: int
) -> None:
    path, end = certificate
    assert certificate_days(path, now=(end - left).timestamp()) == days


@pytest.mark.parametrize("text", [None, "", "no certificate"])
def test_certificate_days_of_none_are_none(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "fullchain.pem"
    if text is not None:
        path.write_text(text)
    assert certificate_days(str(path)) is None


def test_releases_come_newest_first_with_what_became_of_them(shop: Application) -> None:
    for number, name in enumerate(["1.0", "1.1", "1.2", "1.3", "1.4"], start=1):
        make_release(
            shop, name, built_at=number, built_by="ada", module="main:app", commit=f"c{number}"
        )
    make_release(shop, "0.9", pinned=True, source={"type": "path"})
    make_live(
        shop, ("live", "1.1", 1), ("refused", "1.4", 2), ("live", "1.2", 3), ("refused", "1.3", 4)
    )
    found = releases(shop)
    assert [(one["id"], one["state"]) for one in found] == [
        ("1.4", "refused"),
        ("1.3", "refused"),
        ("1.2", "live"),
        ("1.1", "previous"),
        ("1.0", "kept"),
        ("0.9", "kept"),
    ]
    assert found[0] == {
        "id": "1.4",
        "state": "refused",
        "built_at": 5,
        "built_by": "ada",
        "module": "main:app",
        "commit": "c5",
        "source": {},
        "pinned": False,
    }
    assert found[-1]["pinned"] is True
