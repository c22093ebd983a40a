"""An application's stand-in: HTTP on a unix socket, answering with the request as JSON.

    python3 echo_server.py SOCKET NAME

`/stream` sends two events three seconds apart, `/websocket` accepts an upgrade, `/cookies` sets
five large cookies.
"""

import base64
import hashlib
import json
import socketserver
import sys
import time
from http.server import BaseHTTPRequestHandler


class Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/stream":
            return self.stream()
        if self.headers.get("Upgrade"):
            self.send_response(101)
            self.send_header("Upgrade", self.headers["Upgrade"])
            self.send_header("Connection", "upgrade")
            if key := self.headers.get("Sec-WebSocket-Key"):
                self.send_header("Sec-WebSocket-Accept", accept(key))
            return self.end_headers()
        return self.echo()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        return self.echo()

    def echo(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        seen = {"app": sys.argv[2], "path": self.path, "headers": headers, "padding": " " * 2000}
        body = json.dumps(seen).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        for number in range(5 if self.path == "/cookies" else 0):
            self.send_header("Set-Cookie", f"c{number}={'x' * 4000}")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for event in (b"data: first\n\n", b"data: second\n\n"):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(event), event))
            self.wfile.flush()
            time.sleep(3)
        self.wfile.write(b"0\r\n\r\n")

    def address_string(self) -> str:
        return "unix"


def accept(key: str) -> str:
    """RFC 6455, section 4.2.2: what haproxy wants to see, and nginx does not look at."""
    digest = hashlib.sha1(
        f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode(), usedforsecurity=False
    ).digest()
    return base64.b64encode(digest).decode()


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


if __name__ == "__main__":
    with Server(sys.argv[1], Echo) as server:
        server.serve_forever()
