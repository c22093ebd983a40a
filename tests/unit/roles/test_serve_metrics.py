"""The endpoint: who is answered, what is passed on, and what it reads of the host."""

from __future__ import annotations

import contextlib
import importlib
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import ModuleType

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

FILES = Path(__file__).resolve().parents[3] / "roles" / "gunicorn_service" / "files"
UNITS = """Id=shop@blue.service
NRestarts=3
MemoryCurrent=5000
MemoryMax=infinity
ActiveState=active

Id=shop@green.service
NRestarts=0
MemoryCurrent=[not set]
MemoryMax=18446744073709551615
ActiveState=inactive
"""


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(FILES))
    return importlib.import_module("serve_metrics")


@pytest.fixture
def root(tmp_path: Path, program: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host with one slot that is live."""
    (tmp_path / "run/shop/metrics").mkdir(parents=True)
    (tmp_path / "var/lib/shop").mkdir(parents=True)
    (tmp_path / "opt/shop/slots").mkdir(parents=True)
    (tmp_path / "etc/shop/blue").mkdir(parents=True)
    (tmp_path / "var/lib/shop/live.sock").symlink_to("/run/shop/blue.sock")
    (tmp_path / "opt/shop/slots/blue").symlink_to("../releases/1.0-abc")
    (tmp_path / "etc/shop/blue/plan.json").write_text('{"workers": 4}')
    blocks = [dict(line.split("=", 1) for line in b.splitlines()) for b in UNITS.split("\n\n")]
    monkeypatch.setattr(program, "show_units", lambda _: {block["Id"]: block for block in blocks})
    return tmp_path


def collected(program: ModuleType, root: Path) -> list[str]:
    text: str = program.Metrics(program.Application("shop", root=str(root))).text()
    return text.splitlines()


def test_metrics_tell_how_the_slots_stand(program: ModuleType, root: Path) -> None:
    lines = collected(program, root)
    for expected in (
        'slot_live{app="shop",slot="blue"} 1',
        'slot_live{app="shop",slot="green"} 0',
        'slot_active{app="shop",slot="blue"} 1',
        'slot_info{app="shop",slot="blue",release="1.0-abc"} 1',
        'workers_planned{app="shop",slot="blue"} 4',
        'service_restarts_total{app="shop",slot="blue"} 3',
        'service_memory_bytes{app="shop",slot="blue"} 5000',
        'maintenance{app="shop"} 0',
    ):
        assert f"asgi_fleet_{expected}" in lines
    text = "\n".join(lines)
    assert "memory_limit" not in text
    assert 'service_memory_bytes{app="shop",slot="green"}' not in text
    assert "backup" not in text


@pytest.mark.parametrize("last_good", ["4102444800", "NaN", "null", '"soon"'])
def test_backup_of_a_clock_that_was_wrong_is_not_told(
    program: ModuleType, root: Path, last_good: str
) -> None:
    """It would be the newest of all hosts, and no alert would come for years."""
    record = f'{{"last_good": {last_good}}}'
    (root / "var/lib/shop/backup.json").write_text(record)
    assert "backup" not in "\n".join(collected(program, root))


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (None, False),
        ("workers = 4\n", False),
        ("from request_counts import Counting\nworkers = 4\n", True),
    ],
)
def test_workers_that_do_not_count_are_not_missing(
    program: ModuleType, root: Path, settings: str | None, told: bool
) -> None:
    """The slot of before `app_metrics`, to which a rollout was put back."""
    if settings is not None:
        (root / "etc/shop/blue/gunicorn.conf.py").write_text(settings)
    lines = collected(program, root)
    assert ('asgi_fleet_workers{app="shop",slot="blue"} 0' in lines) is told
    assert 'asgi_fleet_workers_planned{app="shop",slot="blue"} 4' in lines


def test_backup_and_maintenance_are_told(program: ModuleType, root: Path) -> None:
    (root / "var/lib/shop/maintenance").touch()
    (root / "var/lib/shop/backup.json").write_text('{"last_good": 1795241400}')
    lines = collected(program, root)
    assert 'asgi_fleet_maintenance{app="shop"} 1' in lines
    assert 'asgi_fleet_backup_timestamp_seconds{app="shop"} 1795241400' in lines


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (float("nan"), "NaN"),
        (float("inf"), "+Inf"),
        (-float("inf"), "-Inf"),
        (0.5, "0.5"),
        (2.0, "2"),
    ],
)
def test_any_number_is_what_prometheus_reads(program: ModuleType, value: float, shown: str) -> None:
    samples = program.metrics_text.Samples("shop")
    samples.add("maintenance", value)
    assert f'asgi_fleet_maintenance{{app="shop"}} {shown}' in samples.text().splitlines()


def test_certificate_is_read_right_after_a_boot(
    program: ModuleType, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, "served_validity", lambda *_: (5, 7))
    monkeypatch.setattr(program.time, "monotonic", lambda: 20.0)
    metrics = program.Metrics(program.Application("shop", port=443, root=str(root)))
    assert 'asgi_fleet_certificate_end_timestamp_seconds{app="shop"} 7' in metrics.text()


def test_sources_that_hang_leave_time_for_the_answer(program: ModuleType) -> None:
    # Prometheus' scrape_timeout, by default.
    assert 2 * program.SOURCE_TIMEOUT < 10


def test_nginx_that_hangs_has_no_certificate(
    program: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, "SOURCE_TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as mute, pytest.raises(TimeoutError):
        program.served_validity("shop.example.com", mute.getsockname()[1])


def test_host_without_a_release_has_metrics(
    program: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, "show_units", lambda _: {})
    lines = collected(program, tmp_path)
    assert 'asgi_fleet_maintenance{app="shop"} 0' in lines
    # systemd did not answer: whether a slot is active is not known.
    assert "slot_active" not in "\n".join(lines)


@pytest.mark.parametrize("days", [6, 90, 30000])
def test_validity_is_read_from_a_certificate(program: ModuleType, days: int) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "shop.example.com")])
    begins = datetime(2026, 11, 28, tzinfo=timezone.utc)
    ends = begins + timedelta(days=days)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(begins)
        .not_valid_after(ends)
        .sign(key, hashes.SHA256())
    )
    der = certificate.public_bytes(serialization.Encoding.DER)
    assert program.validity(der) == (begins.timestamp(), ends.timestamp())
    with pytest.raises(ValueError, match="not a certificate"):
        program.validity(der[:3])


def test_unreachable_nginx_has_no_certificate(program: ModuleType) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        with pytest.raises((OSError, ssl.SSLError)):
            program.served_validity("shop.example.com", closed.getsockname()[1])


class Exporter(BaseHTTPRequestHandler):
    """Another one on this host."""

    def do_GET(self) -> None:
        body = b"node_load1 0.5\n"
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@pytest.fixture
def port(program: ModuleType, root: Path) -> Iterator[int]:
    """The endpoint's port, with one exporter that answers and one that does not."""
    exporter = HTTPServer(("127.0.0.1", 0), Exporter)
    threading.Thread(target=exporter.serve_forever, daemon=True).start()
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        away = closed.getsockname()[1]
    listener = socket.create_server(("127.0.0.1", 0))
    exporters = {"host": f"127.0.0.1:{exporter.server_port}", "nginx": f"127.0.0.1:{away}"}
    application = program.Application("shop", exporters=exporters, root=str(root))
    server = program.Server(application, listener)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield listener.getsockname()[1]
    server.shutdown()
    server.server_close()
    exporter.shutdown()
    exporter.server_close()


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        ("/metrics", 200, "# TYPE asgi_fleet_maintenance gauge"),
        ("/metrics?x=1", 200, "# TYPE asgi_fleet_maintenance gauge"),
        ("/metrics/host", 200, "node_load1 0.5"),
        ("/metrics/nginx", 502, "does not answer"),
        ("/metrics/other", 404, "/metrics"),
        ("/", 404, "/metrics"),
    ],
)
def test_endpoint_answers(port: int, path: str, status: int, text: str) -> None:
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", path)
    answer = connection.getresponse()
    assert (answer.status, text in answer.read().decode()) == (status, True)


def test_answer_of_an_exporter_is_whole_or_none(
    program: ModuleType, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, "MOST_BYTES", 14)
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", "/metrics/host")
    answer = connection.getresponse()
    assert (answer.status, answer.read().decode().partition(" ")[2]) == (
        502,
        "answers with more than 14 bytes\n",
    )


def test_client_that_sends_a_byte_now_and_then_is_left(
    program: ModuleType, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, "TIMEOUT", 0.5)
    monkeypatch.setattr(program.Handler, "timeout", 0.5)
    began = time.monotonic()
    with (
        socket.create_connection(("127.0.0.1", port), timeout=5) as client,
        contextlib.suppress(ConnectionError),
    ):
        client.settimeout(0.1)
        while time.monotonic() - began < 4:
            client.sendall(b"x")
            with contextlib.suppress(TimeoutError):
                if not client.recv(1):
                    break
    assert time.monotonic() - began < 3


@pytest.mark.parametrize(
    ("client", "may"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("10.2.3.4", True),
        ("::ffff:10.2.3.4", True),
        ("11.2.3.4", False),
        ("fe80::1%eth0", False),
    ],
)
def test_only_allowed_networks_are_answered(program: ModuleType, client: str, may: bool) -> None:
    application = program.Application("shop", allow=["10.0.0.0/8"])
    with socket.socket() as listener:
        server = program.Server(application, listener)
        assert server.verify_request((b"", listener), (client, 5)) is may


@pytest.mark.parametrize("text", ["", "[]", "{"])
def test_file_without_an_object_is_none(program: ModuleType, tmp_path: Path, text: str) -> None:
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(ValueError, match=r"."):
        program.read_json(str(tmp_path / "x.json"))
    assert json.dumps({}) == "{}"
