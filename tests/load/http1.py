"""HTTP/1.1 over one connection, one request at a time."""

import asyncio
import time
from collections.abc import Callable
from typing import cast

import httptools

from tests.load.session import Exchange, lost
from tests.load.tally import RequestError


class Http1Connection(asyncio.Protocol):
    """A keep-alive connection; `usable` tells whether the next request may go out on it.

    What ends it, and how a request on it fails, is told apart exactly: an end while no request is
    out is the server's right (RFC 9112 section 9.3); after the first byte of one it is a failure.
    """

    def __init__(self) -> None:
        self.requests = 0
        self._transport: asyncio.Transport | None = None
        self._exchange: Exchange | None = None
        self._parser = httptools.HttpResponseParser(self)

    @property
    def usable(self) -> bool:
        """Whether the connection is open."""
        return self._transport is not None and not self._transport.is_closing()

    def send(self, request: bytes, on_body: Callable[[bytes], None] | None = None) -> Exchange:
        """Sends a whole request on a usable connection.

        Args:
            request: Its bytes.
            on_body: Takes the body piece by piece, of an answer with status 200.
        """
        assert self._transport is not None
        assert self._exchange is None
        self.requests += 1
        self._exchange = Exchange(asyncio.get_running_loop().create_future(), on_body)
        self._transport.write(request)
        return self._exchange

    def close(self) -> None:
        """Closes the connection at once."""
        self._exchange = None
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        exchange = self._exchange
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            if exchange is not None:
                exchange.fail(RequestError("protocol", f"{error!r} in {data[:100]!r}"))
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        exchange, self._exchange = self._exchange, None
        self._transport = None
        if exchange is not None:
            exchange.fail(lost(exc))

    # What httptools calls

    def on_headers_complete(self) -> None:
        if self._exchange is not None:
            self._exchange.status = self._parser.get_status_code()
            self._exchange.active = time.monotonic()

    def on_body(self, body: bytes) -> None:
        if self._exchange is not None:
            self._exchange.take_body(body)

    def on_message_complete(self) -> None:
        exchange, self._exchange = self._exchange, None
        if not self._parser.should_keep_alive() and self._transport is not None:
            self._transport.close()
        if exchange is not None:
            exchange.complete()
