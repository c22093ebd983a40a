"""The Gunicorn worker of a slot: Uvicorn, made to start and stop without losing a request.

Deployed beside each slot's gunicorn.conf.py, which sets `DrainingWorker.slot`. It runs in the
application's own virtual environment, needs no change to the application, and adds to
`uvicorn_worker.UvicornWorker`:

- *Starting*: the application may take its health time-out to start, blocking or not. Then the
  worker sends itself real HTTP requests for the health path, over a private socket pair, until one
  is answered with 200. It writes each outcome to `<runtime directory>/worker-<pid>.json`.
  Gunicorn's own READY=1 proves nothing of the kind: it is sent before any worker was forked.
- *Being replaced*: as soon as `live.sock` points at the other slot, every answer carries
  `Connection: close`, so that nginx closes its idle connections here without a race.
- *Stopping* (SIGTERM, or `max_requests`): requests on open connections are still answered, with
  `Connection: close`. Server-sent event streams end with a proper last chunk, and WebSockets with
  1012 (RFC 6455 section 7.4, "service restart"). Only then does the application's lifespan end.
- A heartbeat during all of this; and the worker ends itself when the master is gone.
- *Serving*: the head of an answer and a body that follows at once are one write: see
  `JoiningTransport`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import re
import socket
import sys
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from gunicorn.arbiter import Arbiter
from uvicorn.config import Config
from uvicorn.server import Server
from uvicorn_worker import UvicornWorker

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

logger = logging.getLogger("uvicorn.error")

#: Seconds between two checks of anything that is waited for.
TICK_SECONDS = 0.1
#: Seconds that the worker's own health request may take.
PROBE_TIMEOUT_SECONDS = 10.0
#: RFC 6455 section 7.4, as registered there later: "service restart"; clients connect again.
SERVICE_RESTART = 1012
#: Bytes of an unhealthy answer that are kept for the operator.
EXCERPT_BYTES = 300
#: Bytes of a body above which a copy would cost more than a second write.
JOINED_BYTES = 65536


@dataclass
class Slot:
    """What a worker must know about the slot it runs in; all times in seconds."""

    #: The unix socket of this slot, held by systemd.
    socket: str
    #: The link that nginx connects to; this slot is live while it points at `socket`.
    live_link: str
    #: systemd's RuntimeDirectory of the slot.
    runtime_directory: str
    #: Path that answers 200 when the application can serve, and the Host header to ask with.
    health_path: str
    health_host: str
    #: How long idle connections may still bring a request after SIGTERM. Longer than nginx's
    #: `keepalive_timeout` to the upstream, after which nginx itself has closed them.
    linger: float
    #: How long WebSocket and event stream clients keep a slot that is no longer live.
    drain: float
    #: How long an ordinary request may take, at most.
    request_timeout: float
    #: How long a worker may take to import and start the application.
    boot_timeout: float = 0
    #: Set by `DrainingServer.shutdown`: this process is about to end.
    leaving: bool = field(default=False, init=False)

    def is_live(self) -> bool:
        """Tell whether nginx connects to this slot; a link that cannot be read counts as live."""
        try:
            return os.readlink(self.live_link) == self.socket
        except OSError:
            return True

    def wants_close(self) -> bool:
        """Tell whether connections should end with the answer that is about to be sent."""
        return self.leaving or not self.is_live()


class JoiningTransport:
    """A connection that sends the head of an answer together with a body that follows at once.

    Uvicorn writes them one by one, and asyncio and uvloop send each write as it comes. nginx then
    wakes up twice, and makes two TLS records and two packets of them. Here the first piece waits
    for the second, but no longer than until the loop's next turn: the head of an event stream is
    sent before its first event.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held = b""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 (whatever the connection has)
        """Be the connection in all other respects."""
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send bytes, now or in the loop's next turn."""
        if self._held:
            held, self._held = self._held, b""
            if len(data) <= JOINED_BYTES:
                self._transport.write(b"".join((held, data)))
                return
            self._transport.write(held)
        # The application may change a buffer once its `send` has returned.
        elif data and isinstance(data, bytes):
            self._held = data
            self._loop.call_soon(self._send_held)
            return
        self._transport.write(data)

    def close(self) -> None:
        """Close the connection, once all that was written is sent."""
        self._send_held()
        self._transport.close()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Pass on all writes as they are from now on: a WebSocket has messages, no head."""
        self._send_held()
        self._transport.set_protocol(protocol)
        self.write = self._transport.write  # type: ignore[method-assign]

    def _send_held(self) -> None:
        held, self._held = self._held, b""
        # uvloop raises an error if the client has gone meanwhile.
        if held and not self._transport.is_closing():
            self._transport.write(held)


def joining(protocol: type[asyncio.Protocol]) -> type[asyncio.Protocol]:
    """Return one of Uvicorn's protocols for HTTP, with joined writes."""

    class Joining(protocol):  # type: ignore[valid-type,misc]
        def connection_made(self, transport: asyncio.Transport) -> None:
            super().connection_made(JoiningTransport(transport, asyncio.get_running_loop()))

    return Joining


class OpenWebSocket:
    """An application's side of a WebSocket, so that it can be closed from outside."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._accepted = False
        self._closed = False

    async def send(self, message: Message) -> None:
        """Pass a message on; after `close`, tell the application that the client has gone."""
        if self._closed:
            raise OSError("the WebSocket was closed, because this worker ends")
        self._accepted |= message["type"] == "websocket.accept"
        self._closed |= message["type"] == "websocket.close"
        await self._send(message)

    async def close(self) -> None:
        """Close by the protocol's own handshake, so that no message on its way breaks it."""
        if self._accepted and not self._closed:
            self._closed = True
            with contextlib.suppress(OSError, RuntimeError):
                await self._send({"type": "websocket.close", "code": SERVICE_RESTART})


class ClosingApplication:
    """Wraps the application: answers carry `Connection: close` once the slot is drained."""

    def __init__(self, application: Application, slot: Slot) -> None:
        self.application = application
        self.slot = slot
        #: Connections that may last for hours, and that this worker ends.
        self.event_streams: set[asyncio.Task[Any]] = set()
        self.ended_streams: set[asyncio.Task[Any]] = set()
        self.websockets: set[OpenWebSocket] = set()

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Serve one request, WebSocket or lifespan, as ASGI 3 has it."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        else:
            await self.application(scope, receive, send)

    async def _http(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 (for the type: a coroutine runs in a task)

        async def send_and_close(message: Message) -> None:
            if message["type"] != "http.response.start":
                await send(message)
                return
            headers = list(message.get("headers", ()))
            if self.slot.wants_close():
                kept = [h for h in headers if bytes(h[0]).lower() != b"connection"]
                message = {**message, "headers": [*kept, (b"connection", b"close")]}
            await send(message)
            # Only now: a stream that has not begun cannot get a last chunk.
            if _is_event_stream(headers):
                self.event_streams.add(task)

        try:
            await self.application(scope, receive, send_and_close)
        except asyncio.CancelledError:
            if task not in self.ended_streams:
                raise
            # This worker ended the stream, between two events: a last empty chunk tells nginx and
            # the client that it is complete, and the client's EventSource connects again.
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            self.event_streams.discard(task)
            self.ended_streams.discard(task)

    async def _websocket(
        self, scope: MutableMapping[str, Any], receive: Receive, send: Send
    ) -> None:
        websocket = OpenWebSocket(send)
        self.websockets.add(websocket)
        try:
            await self.application(scope, receive, websocket.send)
        finally:
            self.websockets.discard(websocket)

    async def end_long_connections(self) -> None:
        """End every event stream and every WebSocket as its protocol demands."""
        while self.event_streams:
            task = self.event_streams.pop()
            self.ended_streams.add(task)
            task.cancel()
        for websocket in list(self.websockets):
            await websocket.close()


def _is_event_stream(headers: list[tuple[bytes, bytes]]) -> bool:
    return any(
        bytes(name).lower() == b"content-type" and bytes(value).startswith(b"text/event-stream")
        for name, value in headers
    )


class DrainingServer(Server):
    """A Uvicorn server that reports when it can serve, and shuts down in order."""

    def __init__(
        self, config: Config, slot: Slot, application: ClosingApplication, master_pid: int
    ) -> None:
        super().__init__(config)
        self.slot = slot
        self.application = application
        self.master_pid = master_pid
        #: Gunicorn's master has died; systemd starts another one beside this worker.
        self.orphaned = False

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve, with a heartbeat from before the start to after the end."""
        heartbeat = asyncio.create_task(self._beat())
        try:
            await super().serve(sockets)
        finally:
            heartbeat.cancel()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application, then begin to report how healthy it is."""
        self.config.http_protocol_class = joining(self.config.http_protocol_class)
        await super().startup(sockets)
        # From now on a loop that blocks is one that hangs.
        await self._notify()
        self._report = asyncio.create_task(self._report_health())

    async def _beat(self) -> None:
        """Tell the master that the event loop runs, also while starting and draining.

        Uvicorn does so only while it serves: a long drain would be ended by SIGABRT.
        """
        while True:
            # Until the application has started, the time that it was given at boot counts.
            if self.started:
                await self._notify()
            if os.getppid() != self.master_pid and not self.should_exit:
                logger.warning("Gunicorn's master is gone; this worker ends")
                self.orphaned = self.should_exit = True
            await asyncio.sleep(min(1.0, self.config.timeout_notify))

    async def _notify(self) -> None:
        if self.config.callback_notify is not None:
            await self.config.callback_notify()

    async def _report_health(self) -> None:
        """Request the health path from this worker until it answers 200; keep each outcome."""
        path = os.path.join(self.slot.runtime_directory, f"worker-{os.getpid()}.json")
        while not self.slot.leaving:
            try:
                status, excerpt = await asyncio.wait_for(self._probe(), PROBE_TIMEOUT_SECONDS)
            except (OSError, ValueError, asyncio.TimeoutError) as error:
                status, excerpt = 0, repr(error)
            with contextlib.suppress(OSError):
                _write_atomically(path, json.dumps({"status": status, "answer": excerpt}))
            if status == 200:
                return
            await asyncio.sleep(TICK_SECONDS * 3)

    async def _probe(self) -> tuple[int, str]:
        """Send one HTTP/1.1 request to this process and no other; return status and body."""
        loop = asyncio.get_running_loop()
        ours, workers = socket.socketpair()
        await loop.connect_accepted_socket(
            lambda: self.config.http_protocol_class(  # type: ignore[call-arg]
                config=self.config,
                server_state=self.server_state,
                # Since Uvicorn 0.20
                **({"app_state": self.lifespan.state} if hasattr(self.lifespan, "state") else {}),
                _loop=loop,
            ),
            workers,
        )
        reader, writer = await asyncio.open_connection(sock=ours)
        try:
            # HTTP/1.1 and X-Forwarded-Proto as nginx sends them: applications that check the host
            # or redirect to HTTPS must see what they will see in service.
            writer.write(
                f"GET {self.slot.health_path} HTTP/1.1\r\nHost: {self.slot.health_host}\r\n"
                "X-Forwarded-Proto: https\r\nUser-Agent: asgi-fleet-worker\r\n"
                "Connection: close\r\n\r\n".encode()
            )
            head, _blank, body = (await reader.read()).partition(b"\r\n\r\n")
            status = int(head.split(b" ", 2)[1])
            return status, _told(status, head, body)[:EXCERPT_BYTES].decode(errors="replace")
        except IndexError:
            raise ValueError("the worker closed the connection without an answer") from None
        finally:
            writer.close()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Shut down in order; the module's description says what is awaited."""
        began = time.monotonic()
        patient = self.orphaned or not self.slot.is_live()
        self.slot.leaving = True

        # A live slot that stops (a restart in place, a recycled worker) closes its listener at
        # once: systemd holds the socket, and new connections wait there for the successor. A slot
        # that was replaced keeps accepting for a moment: a connection that nginx opened just before
        # the swap may still be queued, and nothing else would accept it. A worker without a master
        # does the same while the successor starts beside it.
        if not patient:
            for server in self.servers:
                server.close()
        await self._wait_for_connections(began + self.slot.linger)

        if patient:
            for server in self.servers:
                server.close()
            await self._wait_for_connections(began + self.slot.drain)
        # Time for WebSocket clients to answer the close, and for nginx to close the connections of
        # event streams, which it keeps like others: their answer began before it could say "close".
        # A new stream that a client begins on one of them ends at once.
        deadline = time.monotonic() + self.slot.linger
        while time.monotonic() < deadline and self.server_state.connections:
            await self.application.end_long_connections()
            await asyncio.sleep(TICK_SECONDS)

        left = began + self.slot.request_timeout - time.monotonic()
        if hasattr(self.config, "timeout_graceful_shutdown"):
            self.config.timeout_graceful_shutdown = max(1, round(left))
            await super().shutdown(sockets)
            return
        # Before 0.22 Uvicorn waits without a limit.
        limit = asyncio.create_task(self._cut_off(max(1.0, left)))
        await super().shutdown(sockets)
        limit.cancel()

    async def _cut_off(self, seconds: float) -> None:
        """End what is still answered after a time, as newer Uvicorns do."""
        await asyncio.sleep(seconds)
        for task in self.server_state.tasks:
            task.cancel()
        for connection in list(self.server_state.connections):
            connection.transport.abort()

    async def _wait_for_connections(self, deadline: float) -> None:
        """Wait until no connection is open, but not past `deadline` (monotonic seconds)."""
        await asyncio.sleep(TICK_SECONDS)
        while self.server_state.connections and time.monotonic() < deadline:
            await asyncio.sleep(TICK_SECONDS)


def _told(status: int, head: bytes, body: bytes) -> bytes:
    """Return what an answer says: of a redirect, where to; of one in chunks, the first."""
    place = re.search(rb"^location:[ \t]*([^\r\n]*)", head, re.IGNORECASE | re.MULTILINE)
    if place and 300 <= status < 400:
        return b"to " + place[1]
    if re.search(rb"^transfer-encoding:[ \t]*chunked", head, re.IGNORECASE | re.MULTILINE):
        size, _line, rest = body.partition(b"\r\n")
        return rest[: int(size, 16)]
    return body


def _write_atomically(path: str, text: str) -> None:
    with open(path + ".new", "w", encoding="utf-8") as new:
        new.write(text)
    os.replace(path + ".new", path)


class DrainingWorker(UvicornWorker):
    """`worker_class` of gunicorn.conf.py, which sets `slot` and may extend `CONFIG_KWARGS`."""

    slot: Slot
    #: Wraps the application, in the worker: counts its requests, if metrics are wanted.
    around: Callable[[Application], Application] | None = None

    def init_process(self) -> None:
        """Import and serve the application; called in the worker, right after it was forked."""
        self._allow_boot()
        super().init_process()

    def _allow_boot(self) -> None:
        """Date the heartbeat ahead, so that the master grants the start its own time.

        An import or a lifespan may block the loop, or hold the interpreter's lock, for as long as a
        model takes to load. The first heartbeat of a worker that serves brings the usual limit.
        """
        ahead = max(0.0, self.slot.boot_timeout - self.cfg.timeout)
        if ahead and self.cfg.timeout:
            then = time.monotonic() + ahead
            os.utime(self.tmp.fileno(), (then, then))

    async def _serve(self) -> None:
        wsgi = self.around(self.wsgi) if self.around else self.wsgi
        application = ClosingApplication(wsgi, self.slot)
        self.config.app = application
        server = DrainingServer(self.config, self.slot, application, self.ppid)
        self._install_sigquit_handler()
        await server.serve(sockets=self.sockets)
        if not server.started:
            sys.exit(Arbiter.WORKER_BOOT_ERROR)
