"""A WebSocket client that sends each message again as soon as it has come back.

    python -m bench.serving.echo https://demo.localhost:443 /ws 64 2

It says what RFC 6455 demands and no more, so that most of the CPU is the server's. The last line
printed is JSON, with the keys of wrk's script in load.py; a request is a message.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
import time
from typing import cast
from urllib.parse import urlsplit

import uvloop

MESSAGE = b"x" * 64
#: FIN and text; masked, with a key of zeros, which leaves the payload as it is; see section 5.2.
FRAME = bytes([0x81, 0x80 | len(MESSAGE), 0, 0, 0, 0]) + MESSAGE
#: The server's frame has no mask.
ECHO = bytes([0x81, len(MESSAGE)]) + MESSAGE

OPENING = (
    "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


class Echo(asyncio.Protocol):
    """One connection; `times` gets the seconds that each message took."""

    def __init__(self, opening: bytes, times: list[float]) -> None:
        self.opening = opening
        self.times = times
        self.open = False
        self.failed = 0
        self.ends = False
        self.received = b""
        self.sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for a WebSocket."""
        # uvloop's are no subclass of asyncio's.
        self.transport = cast("asyncio.Transport", transport)
        self.transport.write(self.opening)

    def data_received(self, data: bytes) -> None:
        """Take what has come, and send the next message when the last one is complete."""
        self.received += data
        if not self.open:
            head, blank, rest = self.received.partition(b"\r\n\r\n")
            if not blank:
                return
            if not head.startswith(b"HTTP/1.1 101"):
                self.transport.close()
                return
            self.open, self.received = True, rest
            self.send()
        elif len(self.received) >= len(ECHO):
            self.failed += self.received != ECHO
            self.received = b""
            self.times.append(time.perf_counter() - self.sent)
            self.send()

    def send(self) -> None:
        """Send the next message."""
        self.sent = time.perf_counter()
        self.transport.write(FRAME)

    def connection_lost(self, _error: Exception | None) -> None:
        """Count a connection that the server has ended."""
        self.failed += not self.ends


async def load(url: str, path: str, connections: int, seconds: float) -> dict[str, float]:
    """Load a server, and return what was counted."""
    parts = urlsplit(url)
    secure = None
    if parts.scheme == "https":
        secure = ssl.create_default_context()
        # The certificate is the host's own, and wrk does not look at it either.
        secure.check_hostname, secure.verify_mode = False, ssl.CERT_NONE
    opening = OPENING.format(path=path, host=parts.netloc).encode()
    times: list[float] = []
    loop = asyncio.get_running_loop()
    clients = [
        (
            await loop.create_connection(
                lambda: Echo(opening, times),
                parts.hostname or "",
                parts.port or 0,
                ssl=secure,
                server_hostname=parts.hostname if secure else None,
            )
        )[1]
        for _ in range(connections)
    ]
    # The handshakes do not count.
    await asyncio.sleep(0.1)
    times.clear()
    began = time.perf_counter()
    await asyncio.sleep(seconds)
    took = time.perf_counter() - began
    counted = sorted(times)
    for client in clients:
        client.ends = True
        client.transport.close()
    return {
        "requests": len(counted),
        "seconds": took,
        "p50_ms": percentile(counted, 50),
        "p99_ms": percentile(counted, 99),
        "failed": sum(client.failed + (not client.open) for client in clients),
    }


def percentile(ordered: list[float], percent: int) -> float:
    """Return a percentile of ordered seconds, by nearest rank, in milliseconds."""
    if not ordered:
        return 0.0
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)] * 1000


if __name__ == "__main__":
    uvloop.install()
    url, path, connections, seconds = sys.argv[1:]
    print(json.dumps(asyncio.run(load(url, path, int(connections), float(seconds)))))
