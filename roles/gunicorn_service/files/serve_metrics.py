"""Serves the metrics of an application on this host, for Prometheus.

    python3 serve_metrics.py /etc/<name>/metrics.json

systemd hands the listener over (sd_listen_fds(3)). The process has an account of its own, reads
what the application's workers have counted, asks systemd and nginx, and changes nothing. At
/metrics it answers with what `metrics_text.METRICS` lists. At /metrics/<exporter> it passes on what
an exporter of the distribution says on a loopback address, so that a host has one endpoint.
"""

from __future__ import annotations

import calendar
import contextlib
import http.client
import io
import ipaddress
import json
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Union

import metrics_text

#: The first file descriptor that systemd hands over.
LISTEN_FD = 3
#: Seconds that a client may take for its request, and for the answer, and an exporter for its own.
TIMEOUT = 10.0
#: Seconds that systemd may take, and nginx. Both together are below Prometheus' scrape_timeout,
#: which is 10 s, so that what they do not tell is all that is missing.
SOURCE_TIMEOUT = 3.0
#: Clients that are served at the same time; further ones wait.
MOST_CLIENTS = 8
#: Seconds for which an answer is given again, and for which the certificate is not read again.
FRESH_SECONDS, CERTIFICATE_SECONDS = 1.0, 60.0
#: Bytes of an exporter's answer, and of a file.
MOST_BYTES, FILE_BYTES = 16 * 1024 * 1024, 64 * 1024
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
#: As socketserver has them.
Request = Union[socket.socket, "tuple[bytes, socket.socket]"]
Address = Any
#: Of a slot, below /etc/<name>/<slot>.
SETTINGS = "gunicorn.conf.py"
UNIT_PROPERTIES = "Id,ActiveState,NRestarts,MemoryCurrent,MemoryMax"


@dataclass
class Application:
    """What is served; from the file that the role wrote.

    Attributes:
        name: Of the application.
        host: The server name to ask nginx for, and its port; 0 for no HTTPS.
        port: See there.
        allow: Networks that may ask, besides this host itself.
        exporters: Loopback addresses and ports of other exporters, by their name.
        root: "/"; another folder in tests.
    """

    name: str
    host: str = ""
    port: int = 0
    allow: list[str] = field(default_factory=list)
    exporters: dict[str, str] = field(default_factory=dict)
    root: str = "/"

    def path(self, *parts: str) -> str:
        """Join `parts` below the root."""
        return os.path.join(self.root, *parts)


class Metrics:
    """Collects the metrics; what cannot be found out is left out."""

    def __init__(self, application: Application) -> None:
        self.application = application
        self._lock = threading.Lock()
        self._text, self._at = "", 0.0
        self._validity: tuple[int, int] | None = None
        # Of a clock that begins at the boot.
        self._validity_at = -CERTIFICATE_SECONDS

    def text(self) -> str:
        """Return the metrics as text."""
        with self._lock:
            if not self._text or time.monotonic() - self._at >= FRESH_SECONDS:
                self._text = self._collect()
                self._at = time.monotonic()
            return self._text

    def _collect(self) -> str:
        app = self.application
        samples = metrics_text.Samples(app.name)
        units = show_units([f"{app.name}@{slot}.service" for slot in metrics_text.SLOTS])
        with contextlib.suppress(OSError):
            live = os.path.basename(os.readlink(app.path("var/lib", app.name, "live.sock")))
            for slot in metrics_text.SLOTS:
                samples.add("slot_live", live == f"{slot}.sock", slot=slot)
        for slot in metrics_text.SLOTS:
            with contextlib.suppress(OSError):
                folder = app.path("run", app.name, "metrics")
                total, alive = metrics_text.read_slot(folder, slot)
                # One of before metrics were wanted, to which a rollout was put back, has workers
                # and counts none: it is not one whose workers are missing.
                if alive or total.ended or self._counts(slot):
                    metrics_text.add_slot(samples, slot, total, alive)
            metrics_text.add_unit(samples, slot, units.get(f"{app.name}@{slot}.service", {}))
            with contextlib.suppress(OSError):
                release = os.path.basename(os.readlink(app.path("opt", app.name, "slots", slot)))
                samples.add("slot_info", 1, slot=slot, release=release)
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
                plan = read_json(app.path("etc", app.name, slot, "plan.json"))
                samples.add("workers_planned", int(plan["workers"]), slot=slot)
        maintenance = os.path.exists(app.path("var/lib", app.name, "maintenance"))
        samples.add("maintenance", maintenance)
        self._add_certificate(samples)
        self._add_backup(samples)
        return samples.text()

    def _counts(self, slot: str) -> bool:
        """Tell whether a slot's settings have its workers count."""
        with open(
            self.application.path("etc", self.application.name, slot, SETTINGS), "rb"
        ) as file:
            return b"request_counts" in file.read(FILE_BYTES)

    def _add_certificate(self, samples: metrics_text.Samples) -> None:
        app = self.application
        if app.port and time.monotonic() - self._validity_at >= CERTIFICATE_SECONDS:
            with contextlib.suppress(OSError, ValueError):
                self._validity = served_validity(app.host, app.port)
            self._validity_at = time.monotonic()
        if self._validity:
            samples.add("certificate_begin_timestamp_seconds", self._validity[0])
            samples.add("certificate_end_timestamp_seconds", self._validity[1])

    def _add_backup(self, samples: metrics_text.Samples) -> None:
        app = self.application
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            backup = read_json(app.path("var/lib", app.name, "backup.json"))
            began = float(backup["last_good"])
            # One from the future is of a clock that was wrong, and the newest for ever.
            if began <= time.time() + 1:
                samples.add("backup_timestamp_seconds", began)


def read_json(path: str) -> dict[str, Any]:
    """Return the object in a file.

    Raises:
        OSError: It cannot be read.
        ValueError: It has none.
    """
    with open(path, "rb") as file:
        told = json.loads(file.read(FILE_BYTES))
    if not isinstance(told, dict):
        raise ValueError(f"{path} has no object")
    return told


def show_units(units: list[str]) -> dict[str, dict[str, str]]:
    """Return the properties of units, by their names; empty if systemd does not answer."""
    command = ["systemctl", "show", f"--property={UNIT_PROPERTIES}", *units]
    try:
        shown = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=SOURCE_TIMEOUT
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return {}
    blocks = [
        dict(line.partition("=")[::2] for line in b.splitlines()) for b in shown.split("\n\n")
    ]
    return {block["Id"]: block for block in blocks if "Id" in block}


def served_validity(host: str, port: int) -> tuple[int, int]:
    """Return from when to when the certificate is valid that nginx serves (Unix times).

    The chain is not verified: what is asked is when it ends, not whether it is trusted.

    Raises:
        OSError: nginx does not answer.
        ValueError: It serves no certificate that can be read.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with (
        socket.create_connection(("127.0.0.1", port), timeout=SOURCE_TIMEOUT) as raw,
        context.wrap_socket(raw, server_hostname=host or None) as tls,
    ):
        return validity(tls.getpeercert(True) or b"")


def validity(der: bytes) -> tuple[int, int]:
    """Return from when to when a certificate is valid, as RFC 5280, section 4.1 has it.

    Raises:
        ValueError: It is none.
    """
    try:
        (_tag, certificate), *_rest = _elements(der)
        (_tag, to_be_signed), *_rest = _elements(certificate)
        # An optional version, then: serial number, signature, issuer, validity.
        fields = [field for tag, field in _elements(to_be_signed) if tag != 0xA0]
        begins, ends = (_time(tag, text) for tag, text in _elements(fields[3]))
    except (IndexError, ValueError) as error:
        raise ValueError("not a certificate") from error
    return begins, ends


def _elements(der: bytes) -> list[tuple[int, bytes]]:
    """Return the elements of a sequence in DER (X.690, section 8.1): tag and content."""
    found = []
    while der:
        tag, length, at = der[0], der[1], 2
        if length >= 0x80:
            at += length - 0x80
            length = int.from_bytes(der[2:at], "big")
        found.append((tag, der[at : at + length]))
        der = der[at + length :]
    return found


def _time(tag: int, text: bytes) -> int:
    # UTCTime has two digits of the year; GeneralizedTime four.
    digits = text.decode("ascii")
    if tag == 0x17:
        digits = ("19" if digits >= "5" else "20") + digits
    return calendar.timegm(time.strptime(digits, "%Y%m%d%H%M%SZ"))


class Arriving(io.RawIOBase):
    """A request, the whole of which must come within `TIMEOUT`, and not each of its bytes."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._deadline = time.monotonic() + TIMEOUT

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 (io has no name for it)
        """Read what has come.

        Raises:
            TimeoutError: It took too long.
        """
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._connection.settimeout(left)
        return self._connection.recv_into(buffer)


class Handler(BaseHTTPRequestHandler):
    """Answers one client."""

    server: Server
    timeout = TIMEOUT
    server_version = "asgi-fleet-metrics"
    sys_version = ""

    def setup(self) -> None:
        """Have clients that send a byte now and then keep no place."""
        super().setup()
        self.rfile.close()
        self.rfile = io.BufferedReader(Arriving(self.connection))

    def do_GET(self) -> None:
        """Answer GET."""
        path = self.path.partition("?")[0]
        exporter = self.server.application.exporters.get(path.removeprefix("/metrics/"))
        if path == "/metrics":
            text = self.server.metrics.text()
            self._answer(200, CONTENT_TYPE, text.encode(errors="replace"))
        elif path.startswith("/metrics/") and exporter:
            self._pass_on(exporter)
        else:
            self._answer(404, "text/plain", b"/metrics, and what app_metrics names below it\n")

    def _pass_on(self, address: str) -> None:
        host, _colon, port = address.rpartition(":")
        try:
            connection = http.client.HTTPConnection(host, int(port), timeout=TIMEOUT)
            connection.request(
                "GET", "/metrics", headers={"Accept": self.headers["Accept"] or "*/*"}
            )
            answer = connection.getresponse()
            kind = answer.getheader("Content-Type") or CONTENT_TYPE
            status, body = answer.status, answer.read(MOST_BYTES + 1)
            connection.close()
        except (OSError, http.client.HTTPException) as error:
            self._refuse(f"{address} does not answer: {error}")
            return
        if len(body) > MOST_BYTES:
            # Cut, the last number would be another one.
            self._refuse(f"{address} answers with more than {MOST_BYTES} bytes")
            return
        self._answer(status, kind, body)

    def _refuse(self, reason: str) -> None:
        self._answer(502, "text/plain; charset=utf-8", f"{reason}\n".encode(errors="replace"))

    def _answer(self, status: int, kind: str, body: bytes) -> None:
        self.connection.settimeout(TIMEOUT)
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (its name there)
        """Say nothing: every scrape would be a line in the journal."""


class Server(ThreadingHTTPServer):
    """Listens where systemd does."""

    daemon_threads = True

    def __init__(self, application: Application, listener: socket.socket) -> None:
        super().__init__(("", 0), Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.application = application
        self.metrics = Metrics(application)
        self._networks = [ipaddress.ip_network(network) for network in application.allow]
        self._free = threading.Semaphore(MOST_CLIENTS)

    def verify_request(self, request: Request, client_address: Address) -> bool:
        """Tell whether a client may ask; the firewall may be off."""
        address = ipaddress.ip_address(str(client_address[0]).partition("%")[0])
        mapped = getattr(address, "ipv4_mapped", None) or address
        is_here = (
            isinstance(request, socket.socket) and request.getsockname()[0] == client_address[0]
        )
        return is_here or mapped.is_loopback or any(mapped in net for net in self._networks)

    def process_request_thread(self, request: Request, client_address: Address) -> None:
        """Serve a client, when there is room."""
        with self._free:
            super().process_request_thread(request, client_address)

    def handle_error(self, request: Request, client_address: Address) -> None:
        """Say nothing of clients that leave."""
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)


def main() -> None:
    """Serve until systemd stops it."""
    application = Application(**read_json(sys.argv[1]))
    Server(application, socket.socket(fileno=LISTEN_FD)).serve_forever()


if __name__ == "__main__":
    main()
