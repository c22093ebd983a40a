"""Sends a number of requests on connections that are open already, once it gets a line on stdin.

    python -m bench.serving.warm https://demo.localhost:443 / 16 2500

So that CPU can be counted without the handshakes, for the same number of requests, and on a busy
machine too. Prints `ready`, and then one JSON line: `seconds` and `failed`. Answers need a
Content-Length.
"""

from __future__ import annotations

import asyncio
import json
import re
import ssl
import sys
import time
from typing import cast
from urllib.parse import urlsplit

import uvloop

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class Turns:
    """Requests that are shared out to connections, each as soon as it has its answer."""

    def __init__(self) -> None:
        self.left = self.waited = self.failed = 0
        self.done = asyncio.Event()

    def begin(self, count: int) -> None:
        """Have so many requests to send."""
        self.left = self.waited = count
        self.failed = 0
        self.done.clear()

    def take(self) -> bool:
        """Tell whether there is one more to send."""
        self.left -= 1
        return self.left >= 0

    def answered(self, *, good: bool) -> None:
        """Count an answer."""
        self.failed += not good
        self.waited -= 1
        if not self.waited:
            self.done.set()


class Client(asyncio.Protocol):
    """One connection."""

    def __init__(self, request: bytes, turns: Turns) -> None:
        self.request = request
        self.turns = turns
        self.received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep it."""
        # uvloop's are no subclass of asyncio's.
        self.transport = cast("asyncio.Transport", transport)

    def send(self) -> None:
        """Send the next request, if there is one."""
        if self.turns.take():
            self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        """Take what has come, and go on when the answer is complete."""
        self.received += data
        head, blank, body = self.received.partition(b"\r\n\r\n")
        length = LENGTH.search(head)
        if blank and length and len(body) >= int(length[1]):
            self.received = b""
            self.turns.answered(good=head.startswith(b"HTTP/1.1 200"))
            self.send()

    def connection_lost(self, _error: Exception | None) -> None:
        """Give up: nobody answers what was sent on it."""
        self.turns.failed += 1
        self.turns.done.set()


async def load(url: str, path: str, connections: int, count: int) -> dict[str, float]:
    """Open the connections, wait for a line, and send the requests."""
    parts = urlsplit(url)
    secure = None
    if parts.scheme == "https":
        secure = ssl.create_default_context()
        secure.check_hostname, secure.verify_mode = False, ssl.CERT_NONE
    request = f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode()
    turns = Turns()
    loop = asyncio.get_running_loop()
    clients = []
    for _ in range(connections):
        _transport, client = await loop.create_connection(
            lambda: Client(request, turns),
            parts.hostname or "",
            parts.port or 0,
            ssl=secure,
            server_hostname=parts.hostname if secure else None,
        )
        clients.append(client)

    async def send(number: int) -> None:
        turns.begin(number)
        for client in clients:
            client.send()
        await turns.done.wait()

    # nginx opens its own connections with the first requests.
    await send(connections)
    print("ready", flush=True)
    await loop.run_in_executor(None, sys.stdin.readline)
    began = time.perf_counter()
    await send(count)
    return {"seconds": time.perf_counter() - began, "failed": turns.failed}


if __name__ == "__main__":
    uvloop.install()
    url, path, connections, count = sys.argv[1:]
    print(json.dumps(asyncio.run(load(url, path, int(connections), int(count)))))
