"""Servers on loopback that are told of events, well or badly: for fleet_notify."""

from __future__ import annotations

import json
import socket
import socketserver
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


@dataclass
class Heard:
    """What a server was told.

    Attributes:
        port: Where it listens, on 127.0.0.1.
        bodies: The bodies of requests, or mails, in their order.
        headers: The headers of each request.
        times: When each request had arrived, in Unix seconds.
        commands: What an SMTP client said, but for mails.
    """

    port: int = 0
    bodies: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)

    @property
    def documents(self) -> list[dict[str, Any]]:
        """The bodies as JSON."""
        return [json.loads(body) for body in self.bodies]


Answer = Callable[[BaseHTTPRequestHandler], None]


def good(handler: BaseHTTPRequestHandler) -> None:
    """Answer as Slack does."""
    handler.send_response(200)
    handler.send_header("Content-Length", "2")
    handler.end_headers()
    handler.wfile.write(b"ok")


def broken(handler: BaseHTTPRequestHandler) -> None:
    """Answer 500, and repeat what was sent."""
    handler.send_error(500, "the-token-in-a-reason")


def silent(_handler: BaseHTTPRequestHandler) -> None:
    """Take the request, and answer nothing for longer than any test waits."""
    time.sleep(40)


def slow_header(handler: BaseHTTPRequestHandler) -> None:
    """Send the header a byte at a time: no time-out of a socket ever ends."""
    for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok":
        handler.wfile.write(bytes([byte]))
        handler.wfile.flush()
        time.sleep(0.4)


def slow_body(handler: BaseHTTPRequestHandler) -> None:
    """Send 200 at once, and a body that does not end."""
    handler.send_response(200)
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    for _ in range(100):
        handler.wfile.write(b".")
        handler.wfile.flush()
        time.sleep(0.4)


def redirected(to: str) -> Answer:
    """Return an answer that sends the client elsewhere."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(307)
        handler.send_header("Location", to)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


@contextmanager
def listening(answer: Answer = good, tls: Path | None = None) -> Iterator[Heard]:
    """Serve HTTP on loopback.

    Args:
        answer: What each request gets.
        tls: A PEM file with a certificate and its key, for HTTPS.
    """
    heard = Heard()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            heard.bodies.append(self.rfile.read(length).decode())
            heard.headers.append(dict(self.headers.items()))
            heard.times.append(time.time())
            self.close_connection = True
            try:
                answer(self)
            except OSError:
                # The client did not wait.
                return

        def log_message(self, *_args: object) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, *_args: object) -> None:
            """Say nothing: clients that do not trust the server hang up."""

    server = Server(("127.0.0.1", 0), Handler)
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    heard.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, args=[0.05], daemon=True).start()
    try:
        yield heard
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def taking_mail(*, refuses: str = "", mute: bool = False) -> Iterator[Heard]:
    """Serve SMTP on loopback, as far as a mail needs it (RFC 5321, section 4.5.1).

    Args:
        refuses: The command that is answered with 550.
        mute: Whether it never says anything.
    """
    heard = Heard()

    class Handler(socketserver.StreamRequestHandler):
        def say(self, line: str) -> None:
            self.wfile.write(f"{line}\r\n".encode())

        def handle(self) -> None:
            if mute:
                time.sleep(40)
                return
            self.say("220 listener")
            while line := self.rfile.readline().decode().strip():
                heard.commands.append(line)
                verb = line.partition(" ")[0].upper()
                if verb == refuses:
                    self.say("550 no, the-token-in-a-reason")
                elif verb == "DATA":
                    self.say("354 go on")
                    mail = []
                    while (one := self.rfile.readline()) not in (b".\r\n", b""):
                        mail.append(one.decode())
                    heard.bodies.append("".join(mail))
                    self.say("250 taken")
                elif verb == "QUIT":
                    self.say("221 bye")
                    return
                else:
                    self.say("250 ok")

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False
        allow_reuse_address = True

    server = Server(("127.0.0.1", 0), Handler)
    heard.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, args=[0.05], daemon=True).start()
    try:
        yield heard
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def refusing() -> Iterator[int]:
    """Yield a port on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        # Bound, and not listening: nobody else gets it, and a client is refused.
        yield taken.getsockname()[1]
