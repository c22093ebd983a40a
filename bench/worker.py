"""Measures what the draining worker adds to a request: CPU, without a server around it.

    python -m bench.worker

The last line printed is one JSON object, in microseconds of CPU, each the least of some turns:
`plain_us` (a small ASGI application alone), `wrapped_us` (the same in `ClosingApplication`), and
`is_live_us` (reading the link, once for each answer; a part of `wrapped_us`).
"""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
WORKER = ROOT / "roles" / "gunicorn_service" / "files"

TURNS = 7
COUNT = 20_000
HEADERS = [(b"content-length", b"2"), (b"content-type", b"application/json")]

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]


async def application(_scope: Message, _receive: Receive, send: Send) -> None:
    """Answer as a small application does."""
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": b"{}"})


async def send_nowhere(_message: Message) -> None:
    """Take a message."""


async def receive_nothing() -> Message:
    """Have nothing to say."""
    return {"type": "http.disconnect"}


def least(work: Callable[[int], None]) -> float:
    """Return the CPU time of one in microseconds: the least of some turns, which others disturb."""
    seen = []
    for _turn in range(TURNS):
        began = time.process_time()
        work(COUNT)
        seen.append((time.process_time() - began) / COUNT * 1e6)
    return round(min(seen), 2)


def requests(one: Application) -> Callable[[int], None]:
    """Return what has an application answer a number of requests."""

    async def answer(count: int) -> None:
        for _ in range(count):
            await one({"type": "http"}, receive_nothing, send_nowhere)

    return lambda count: asyncio.run(answer(count))


def main() -> None:
    """Measure, and print one JSON line."""
    # As on a host, where it stands beside the slot's settings.
    sys.path.insert(0, str(WORKER))
    worker = importlib.import_module("draining_worker")
    with tempfile.TemporaryDirectory(prefix="asgi-fleet-bench-") as folder:
        live, socket = Path(folder, "live.sock"), "/run/bench/blue.sock"
        live.symlink_to(socket)
        times = dict.fromkeys(("linger", "drain", "request_timeout"), 1.0)
        slot = worker.Slot(socket, str(live), folder, health_path="/", health_host="a", **times)

        def read(count: int) -> None:
            for _ in range(count):
                slot.is_live()

        result = {
            "plain_us": least(requests(application)),
            "wrapped_us": least(requests(worker.ClosingApplication(application, slot))),
            "is_live_us": least(read),
        }
    print(json.dumps({"bench": "worker", **result}))


if __name__ == "__main__":
    main()
