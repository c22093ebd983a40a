"""HTTP/2 over one connection, several requests at a time."""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions

from tests.load.session import Exchange, lost
from tests.load.tally import RefusedError, RequestError

Headers = Sequence[tuple[str, str]]

FRAME_HEADER_BYTES = 9
GOAWAY = 0x7


@dataclass(frozen=True)
class GoAway:
    """The server takes no stream above `last_stream`; those up to it are still answered."""

    last_stream: int
    code: int


class FrameSplitter:
    """Takes the GOAWAY frames out of what a server sends.

    h2 closes its state machine at a GOAWAY and then refuses the answers of the streams that the
    server still serves, which RFC 9113 section 6.8 asks it to do.
    """

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[bytes | GoAway]:
        """Yields the complete frames so far: runs of ordinary ones as bytes, in order."""
        data = self._rest + data
        start = at = 0
        while len(data) - at >= FRAME_HEADER_BYTES:
            end = at + FRAME_HEADER_BYTES + int.from_bytes(data[at : at + 3])
            if end > len(data):
                break
            if data[at + 3] == GOAWAY:
                if start < at:
                    yield data[start:at]
                payload = data[at + FRAME_HEADER_BYTES : end]
                last_stream = int.from_bytes(payload[:4]) & 0x7FFFFFFF
                yield GoAway(last_stream, int.from_bytes(payload[4:8]))
                start = end
            at = end
        self._rest = data[at:]
        if start < at:
            yield data[start:at]


class Http2Connection(asyncio.Protocol):
    """A connection that several requests share; `usable` tells whether it takes another one."""

    def __init__(self) -> None:
        self.requests = 0
        self._transport: asyncio.Transport | None = None
        self._goaway: GoAway | None = None
        self._exchanges: dict[int, Exchange] = {}
        self._frames = FrameSplitter()
        self._h2 = h2.connection.H2Connection(
            h2.config.H2Configuration(client_side=True, header_encoding=None)
        )

    @property
    def usable(self) -> bool:
        """Whether the connection is open, and the server has not said that it will leave."""
        return (
            self._transport is not None
            and not self._transport.is_closing()
            and self._goaway is None
        )

    def send(
        self,
        headers: Headers,
        body: bytes = b"",
        on_body: Callable[[bytes], None] | None = None,
    ) -> Exchange:
        """Sends a whole request on a usable connection.

        Args:
            headers: Pseudo-headers and headers.
            body: No body if empty.
            on_body: Takes the answer's body piece by piece if its status is 200.
        """
        self.requests += 1
        exchange = Exchange(asyncio.get_running_loop().create_future(), on_body)
        try:
            stream = self._h2.get_next_available_stream_id()
            self._h2.send_headers(stream, headers, end_stream=not body)
            if body:
                self._h2.send_data(stream, body, end_stream=True)
        except h2.exceptions.ProtocolError as error:
            exchange.fail(RequestError("protocol", repr(error)))
            return exchange
        self._exchanges[stream] = exchange
        self._flush()
        return exchange

    def forget(self, exchange: Exchange) -> None:
        """Cancels the stream of an exchange that waits no more."""
        for stream, known in list(self._exchanges.items()):
            if known is exchange:
                del self._exchanges[stream]
                self._h2.reset_stream(stream, h2.errors.ErrorCodes.CANCEL)
        self._flush()

    def close(self) -> None:
        """Closes the connection at once."""
        self._exchanges.clear()
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._h2.initiate_connection()
        self._flush()

    def data_received(self, data: bytes) -> None:
        try:
            for piece in self._frames.feed(data):
                if isinstance(piece, GoAway):
                    self._leave(piece)
                else:
                    for event in self._h2.receive_data(piece):
                        self._handle(event)
        except h2.exceptions.ProtocolError as error:
            for exchange in self._exchanges.values():
                exchange.fail(RequestError("protocol", repr(error)))
            self.close()
            return
        self._flush()
        if self._goaway is not None and not self._exchanges and self._transport is not None:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        exchanges, self._exchanges = self._exchanges, {}
        for stream, exchange in exchanges.items():
            failure = lost(exc)
            said = f" after {self._goaway}" if self._goaway else ""
            exchange.fail(RequestError(failure.kind, f"stream {stream}: {failure.detail}{said}"))

    def _flush(self) -> None:
        data = self._h2.data_to_send()
        if data and self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def _leave(self, goaway: GoAway) -> None:
        """Notes a GOAWAY: a later one may only lower the last stream that is served."""
        self._goaway = goaway
        for stream in [stream for stream in self._exchanges if stream > goaway.last_stream]:
            self._exchanges.pop(stream).fail(RefusedError(f"stream {stream}: {goaway}"))

    def _handle(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.DataReceived):
            self._h2.acknowledge_received_data(event.flow_controlled_length or 0, event.stream_id)
            if exchange := self._exchanges.get(event.stream_id):
                exchange.take_body(event.data or b"")
        elif isinstance(event, h2.events.ResponseReceived):
            if exchange := self._exchanges.get(event.stream_id):
                exchange.status = int(dict(event.headers or ())[b":status"])
                exchange.active = time.monotonic()
        elif isinstance(event, h2.events.StreamEnded):
            if exchange := self._exchanges.pop(event.stream_id, None):
                exchange.complete()
        elif isinstance(event, h2.events.StreamReset) and (
            exchange := self._exchanges.pop(event.stream_id, None)
        ):
            said = f"stream {event.stream_id}: RST_STREAM {event.error_code!r}"
            if event.error_code == h2.errors.ErrorCodes.REFUSED_STREAM:
                exchange.fail(RefusedError(said))
            else:
                exchange.fail(RequestError("reset", said))
