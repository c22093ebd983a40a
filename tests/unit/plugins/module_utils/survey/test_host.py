"""What is looked at beside the live slot: real processes, files, certificates and TLS."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from ipaddress import ip_address
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.survey.host import (
    CpuSample,
    ask_https,
    cpu_percent,
    disks,
    existing_units,
    maintenance_since,
    process_state,
)
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

NAMES = [
    x509.DNSName("shop.example.com"),
    x509.DNSName("*.example.com"),
    x509.IPAddress(ip_address("192.0.2.7")),
]


@pytest.fixture
def shop(tmp_path: Path) -> Application:
    return Application("shop", str(tmp_path))


@contextlib.contextmanager
def running(*command: str) -> Iterator[int]:
    process = subprocess.Popen(command)
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()


needs_schedstat = pytest.mark.skipif(
    not Path("/proc/self/schedstat").exists(), reason="this kernel does not count"
)


@needs_schedstat
def test_cpu_of_a_busy_process_is_much_and_of_a_sleeping_one_none() -> None:
    with running("sh", "-c", "while :; do :; done") as busy, running("sleep", "60") as idle:
        of_busy, of_idle = CpuSample([busy]), CpuSample([idle])
        # Not near 100: the machine of a test is busy with others.
        assert (of_busy.percent() or 0) > 10
        assert (of_idle.percent() or 0) < 5


def test_cpu_of_processes_that_are_gone_cannot_be_told() -> None:
    process = subprocess.Popen(["true"])
    process.wait()
    assert CpuSample([process.pid]).percent() is None
    assert CpuSample([]).percent() is None


def test_cpu_percent_counts_new_threads_and_forgets_those_that_ended() -> None:
    first = {(1, "1"): 5_000_000_000, (1, "2"): 7_000_000_000}
    last = {(1, "1"): 5_100_000_000, (1, "3"): 50_000_000}
    assert cpu_percent(first, last, 0.5) == 30.0


def test_state_of_a_stopped_process_is_t() -> None:
    with running("sleep", "60") as pid:
        os.kill(pid, signal.SIGSTOP)
        os.waitid(os.P_PID, pid, os.WSTOPPED)
        assert process_state(pid) == "T"
    assert process_state(pid) == ""


def test_existing_units_are_those_with_a_file(shop: Application) -> None:
    path = Path(shop.slot("green").files["service"])
    path.parent.mkdir(parents=True)
    path.touch()
    assert existing_units(shop) == {"blue": [], "green": ["shop@green.service"]}


def test_maintenance_is_as_old_as_its_file(shop: Application, tmp_path: Path) -> None:
    assert maintenance_since(shop) is None
    path = tmp_path / "var/lib/shop/maintenance"
    path.parent.mkdir(parents=True)
    path.touch()
    os.utime(path, (5, 5))
    assert maintenance_since(shop) == 5


def test_disks_are_as_full_as_df_says(tmp_path: Path) -> None:
    path = str(tmp_path)
    told = subprocess.check_output(["df", "--output=pcent,ipcent", path], text=True)
    percents = [int(cell.rstrip("%")) for cell in told.split()[-2:] if cell != "-"]
    assert abs(disks([path, f"{path}/none"])[path] - max(percents)) <= 1


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
        .add_extension(x509.SubjectAlternativeName(NAMES), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "fullchain.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    pkcs8 = serialization.PrivateFormat.PKCS8
    Path(f"{path}.key").write_bytes(key.private_bytes(serialization.Encoding.PEM, pkcs8, plain))
    return str(path), end


@contextlib.contextmanager
def site(
    certificate: str, said: bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
) -> Iterator[tuple[int, list[str]]]:
    """Serve one request over TLS; yield the port, and a list that gets SNI and the request."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, f"{certificate}.key")
    seen: list[str] = []
    context.sni_callback = lambda _socket, name, _context: seen.append(name)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            raw, _ = listener.accept()
            with contextlib.suppress(OSError), context.wrap_socket(raw, server_side=True) as tls:
                seen.append(tls.recv(65536).decode())
                tls.sendall(said)
                # Until the client has had enough.
                tls.recv(1)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield listener.getsockname()[1], seen
        thread.join(timeout=5)


def test_https_asks_with_the_name_and_compares_the_certificate(
    certificate: tuple[str, datetime],
) -> None:
    path = certificate[0]
    with site(path) as (port, seen):
        answer = ask_https("www.example.com", "/healthz", port, path)
    assert answer == {
        "status": 200,
        "error": "",
        "late": False,
        "certificate_current": True,
        "refused": "it is not valid yet",
    }
    assert seen[0] == "www.example.com"
    assert seen[1].startswith("GET /healthz HTTP/1.1\r\nHost: www.example.com\r\n")


def test_https_sees_that_an_older_certificate_is_served(
    certificate: tuple[str, datetime], tmp_path: Path
) -> None:
    path = certificate[0]
    renewed = tmp_path / "renewed.pem"
    renewed.write_text("-----BEGIN CERTIFICATE-----\nMTIz\n-----END CERTIFICATE-----\n")
    with site(path) as (port, _):
        answer = ask_https("shop.example.com", "/", port, str(renewed))
    assert (answer["status"], answer["certificate_current"]) == (200, False)


def test_https_without_a_listener_says_why() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    answer = ask_https("shop.example.com", "/", port, "")
    assert (answer["status"], answer["certificate_current"]) == (0, None)
    assert "refused" in answer["error"]
    assert not answer["late"]


def test_https_tells_an_answer_that_does_not_end_from_no_answer(
    certificate: tuple[str, datetime], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What serves TLS is up, however long the application behind it takes."""
    monkeypatch.setitem(ask_https.__globals__, "SECONDS", 0.3)
    for said in (b"", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nx"):
        with site(certificate[0], said) as (port, _):
            answer = ask_https("shop.example.com", "/", port, certificate[0])
        assert (answer["status"], answer["late"], answer["certificate_current"]) == (0, True, True)
        assert answer["error"] == "did not complete its answer within 0.3 s"
