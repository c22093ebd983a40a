"""The head of an answer and its body are one write, by Uvicorn's own protocols on a real socket."""

# The programs of a host have no types here.
# ruff: noqa: ANN401

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from uvicorn.config import Config
from uvicorn.server import ServerState

FILES = Path(__file__).resolve().parents[3] / "roles" / "gunicorn_service" / "files"
ASK = b"GET / HTTP/1.1\r\nHost: shop.example.com\r\n\r\n"
#: Under the oldest host's Python there are asyncio and h11 alone, under the controller's all.
LOOPS = ["asyncio", *filter(importlib.util.find_spec, ["uvloop"])]
PROTOCOLS = ["h11", *filter(importlib.util.find_spec, ["httptools"])]
CHUNKED = [(b"content-type", b"text/event-stream")]

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(FILES))
    return importlib.import_module("draining_worker")


@pytest.fixture(params=LOOPS)
def loop(request: pytest.FixtureRequest) -> Any:
    made = importlib.import_module(request.param).new_event_loop()
    yield made
    made.close()


class Counted:
    """A transport that notes what is written to it."""

    def __init__(self, transport: asyncio.Transport, seen: list[bytes]) -> None:
        self._transport = transport
        self.seen = seen

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        self.seen.append(bytes(data))
        self._transport.write(data)


def start(length: int | None = None) -> Message:
    headers = CHUNKED if length is None else [(b"content-length", str(length).encode())]
    return {"type": "http.response.start", "status": 200, "headers": headers}


def body(data: bytes | bytearray, *, more: bool = False) -> Message:
    return {"type": "http.response.body", "body": data, "more_body": more}


async def talk(
    worker: ModuleType, answer: Callable[[Send], Awaitable[None]], http: str, ask: bytes
) -> tuple[list[bytes], bytes]:
    """Let a protocol of Uvicorn answer one request.

    Returns:
        What was written, piece by piece, and what the client received.
    """

    async def application(_scope: Message, _receive: Any, send: Send) -> None:
        await answer(send)

    config = Config(application, http=http, ws="none", lifespan="off", log_config=None)
    config.load()
    joined = worker.joining(config.http_protocol_class)
    pieces: list[bytes] = []

    class Seen(joined):  # type: ignore[valid-type,misc]
        def connection_made(self, transport: asyncio.Transport) -> None:
            super().connection_made(Counted(transport, pieces))

    ours, theirs = socket.socketpair()
    loop = asyncio.get_running_loop()
    await loop.connect_accepted_socket(
        lambda: Seen(config=config, server_state=ServerState(), app_state={}, _loop=loop), theirs
    )
    reader, writer = await asyncio.open_connection(sock=ours)
    writer.write(ask)
    received = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    return pieces, received


@pytest.mark.parametrize("http", PROTOCOLS)
def test_head_and_body_are_one_write(worker: ModuleType, loop: Any, http: str) -> None:
    async def answer(send: Send) -> None:
        await send(start(5))
        await send(body(b"hello"))

    ask = ASK.replace(b"Host", b"Connection: close\r\nHost")
    pieces, received = loop.run_until_complete(talk(worker, answer, http, ask))
    assert [piece for piece in pieces if piece] == [received]
    assert received.startswith(b"HTTP/1.1 200 OK\r\n")
    assert received.endswith(b"\r\n\r\nhello")


@pytest.mark.parametrize("http", PROTOCOLS)
def test_head_of_a_stream_does_not_wait_for_its_first_event(
    worker: ModuleType, loop: Any, http: str
) -> None:
    async def answer(send: Send) -> None:
        await send(start())
        await asyncio.sleep(0.3)
        await send(body(b"data: x\n\n", more=True))
        await asyncio.sleep(0.3)
        await send(body(b""))

    ask = ASK.replace(b"Host", b"Connection: close\r\nHost")
    pieces, received = loop.run_until_complete(talk(worker, answer, http, ask))
    assert len(pieces) >= 3
    assert pieces[0].endswith(b"\r\n\r\n")
    assert pieces[1] == b"9\r\ndata: x\n\n\r\n"
    assert received == b"".join(pieces)


def test_large_body_is_not_copied(worker: ModuleType, loop: Any) -> None:
    large = bytes(range(256)) * 1024

    async def answer(send: Send) -> None:
        await send(start(len(large)))
        await send(body(large))

    ask = ASK.replace(b"Host", b"Connection: close\r\nHost")
    pieces, received = loop.run_until_complete(talk(worker, answer, PROTOCOLS[-1], ask))
    assert pieces[1] == large
    assert received == b"".join(pieces)


def test_buffer_that_the_application_uses_again_is_sent_as_it_was(
    worker: ModuleType, loop: Any
) -> None:
    async def answer(send: Send) -> None:
        await send(start(6))
        buffer = bytearray(b"abc")
        await send(body(buffer, more=True))
        # The next one is the first piece of a pair.
        await send(body(buffer, more=True))
        buffer[:] = b"xyz"
        await send(body(b""))

    ask = ASK.replace(b"Host", b"Connection: close\r\nHost")
    _pieces, received = loop.run_until_complete(talk(worker, answer, PROTOCOLS[-1], ask))
    assert received.endswith(b"\r\n\r\nabcabc")


def test_answer_that_the_application_leaves_after_its_head_is_sent_before_the_end(
    worker: ModuleType, loop: Any
) -> None:
    async def answer(send: Send) -> None:
        await send(start(5))
        raise RuntimeError("in the middle")

    _pieces, received = loop.run_until_complete(talk(worker, answer, PROTOCOLS[-1], ASK))
    assert received.startswith(b"HTTP/1.1 200 OK\r\n")
    assert received.endswith(b"\r\n\r\n")


def test_client_that_has_gone_costs_no_error(worker: ModuleType, loop: Any) -> None:
    errors: list[object] = []
    loop.set_exception_handler(lambda _loop, context: errors.append(context))

    async def leave() -> None:
        ours, theirs = socket.socketpair()
        transport, _protocol = await loop.connect_accepted_socket(asyncio.Protocol, theirs)
        joined = worker.JoiningTransport(transport, loop)
        joined.write(b"a head")
        transport.abort()
        await asyncio.sleep(0.05)
        ours.close()

    loop.run_until_complete(leave())
    assert errors == []


def test_messages_of_a_websocket_are_not_held(worker: ModuleType, loop: Any) -> None:
    pieces: list[bytes] = []

    async def switch() -> None:
        ours, theirs = socket.socketpair()
        transport, _protocol = await loop.connect_accepted_socket(asyncio.Protocol, theirs)
        joined = worker.JoiningTransport(Counted(transport, pieces), loop)
        joined.write(b"switching")
        joined.set_protocol(asyncio.Protocol())
        joined.write(b"a message")
        assert pieces == [b"switching", b"a message"]
        joined.close()
        await asyncio.sleep(0.05)
        ours.close()

    loop.run_until_complete(switch())
