"""The load counts what a visitor sees, of servers that behave and of servers that do not."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.drill import load
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.drill import CONNECTIONS
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
BAD = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"
Serve = Callable[[ssl.SSLSocket, int], bool]
"""Answers a request, of which this is the number on its connection; whether to keep that."""


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """A certificate that nobody trusts."""
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "shop.example.com")])
    now = datetime.now(timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .sign(key, hashes.SHA256())
    )
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


@contextlib.contextmanager
def serving(tls: ssl.SSLContext, serve: Serve, seen: list[bytes] | None = None) -> Iterator[int]:
    """Serve on a port of loopback."""
    listener = socket.create_server(("127.0.0.1", 0))

    def connection(plain: socket.socket) -> None:
        with contextlib.suppress(OSError), tls.wrap_socket(plain, server_side=True) as stream:
            number = 0
            while request := stream.recv(65536):
                if seen is not None:
                    seen.append(request)
                number += 1
                if not serve(stream, number):
                    return

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                plain, _address = listener.accept()
                threading.Thread(target=connection, args=(plain,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def run(seconds: float, rate: float = 200, **ports: int) -> dict[str, Any]:
    """Load servers by name for some seconds."""
    servers = [{"name": name, "address": "127.0.0.1", "port": port} for name, port in ports.items()]
    options = {
        "servers": servers,
        "domain": "shop.example.com",
        "path": "/healthz",
        "agent": "a-drill/1",
        "rate": rate,
    }
    ended = threading.Event()
    threading.Timer(seconds, ended.set).start()
    return load.load(options, ended)


def good(stream: ssl.SSLSocket, _number: int) -> bool:
    stream.sendall(OK)
    return True


def test_both_sides_know_of_the_same_connections() -> None:
    assert load.CONNECTIONS == CONNECTIONS


def test_good_answers_are_counted_by_server(tls: ssl.SSLContext) -> None:
    seen: list[bytes] = []
    with serving(tls, good, seen) as one, serving(tls, good) as two:
        told = run(2.0, web1=one, web2=two)
    assert told["failed"] == told["unanswered"] == told["retried"] == 0
    assert set(told["requests_by_server"]) == {"web1", "web2"}
    assert told["requests"] == sum(told["requests_by_server"].values())
    # Never faster than it was asked to, but for what it may catch up.
    seconds = told["ended"] - told["began"]
    assert 0 < told["requests"] <= 200 * (seconds + load.CATCH_UP) + 2 * CONNECTIONS
    assert b"GET /healthz HTTP/1.1\r\n" in seen[0]
    assert b"User-Agent: a-drill/1\r\n" in seen[0]
    assert b"Host: shop.example.com\r\n" in seen[0]


def test_bad_answers_are_failures(tls: ssl.SSLContext) -> None:
    def bad(stream: ssl.SSLSocket, _number: int) -> bool:
        stream.sendall(BAD)
        return True

    with serving(tls, bad) as port:
        told = run(2.0, web1=port)
    assert told["failed"] == told["requests"] > 0
    assert told["unanswered"] == 0
    assert told["failures"][0]["why"] == "502"
    assert len(told["failures"]) <= load.MOST_FAILURES


def test_a_kept_connection_that_the_server_closed_is_asked_again(tls: ssl.SSLContext) -> None:
    def leave(stream: ssl.SSLSocket, number: int) -> bool:
        if number == 1:
            stream.sendall(OK)
        return number == 1

    with serving(tls, leave) as port:
        told = run(2.0, web1=port)
    assert told["failed"] == 0
    assert told["retried"] > 0


def test_a_new_connection_that_is_closed_is_a_failure(tls: ssl.SSLContext) -> None:
    with serving(tls, lambda _stream, _number: False) as port:
        told = run(2.0, web1=port)
    assert told["failed"] == told["unanswered"] == told["requests"] > 0


def test_nobody_who_listens_is_a_failure() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    told = run(2.0, web1=port)
    assert told["unanswered"] == told["requests"] > 0
    assert "ConnectionRefusedError" in told["failures"][0]["why"]


def test_the_longest_gap_is_that_of_all_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter([100.1, 100.6, 101.0, 101.2])
    monkeypatch.setattr(time, "time", lambda: next(moments))
    tally = load.Tally(began=100.0)
    tally.take("web1", 0.01, 200, "")
    # A failure is no answer, so it ends no gap.
    tally.take("web1", 0.7, 502, "")
    tally.take("web2", 0.02, 200, "")
    told = tally.result()
    assert (told["longest_gap"], told["gap_began"]) == (0.9, 100.1)
    assert told["slowest"] == 0.7


def test_a_server_that_stands_still_holds_up_no_other(tls: ssl.SSLContext) -> None:
    def stands_still(_stream: ssl.SSLSocket, _number: int) -> bool:
        time.sleep(4)
        return False

    with serving(tls, stands_still) as one, serving(tls, good) as two:
        told = run(2.0, web1=one, web2=two)
    assert told["requests_by_server"]["web1"] <= CONNECTIONS < told["requests_by_server"]["web2"]


def test_the_program_ends_at_sigterm_with_its_result(tls: ssl.SSLContext) -> None:
    with serving(tls, good) as port:
        options = {
            "servers": [{"name": "web1", "address": "127.0.0.1", "port": port}],
            "domain": "shop.example.com",
            "path": "/",
            "agent": "x",
            "rate": 50,
        }
        text = Path(load.__file__).read_text(encoding="utf-8")
        words = [sys.executable, "-I", "-c", text, json.dumps(options)]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
            time.sleep(2)
            process.send_signal(signal.SIGTERM)
            output, _errors = process.communicate(timeout=20)
    assert process.returncode == 0
    assert json.loads(output)["failed"] == 0
