"""The clients that stay connected: WebSocket echo and server-sent events."""

import asyncio
import ssl
from itertools import count

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from tests.load.http1 import Http1Connection
from tests.load.http2 import Http2Connection
from tests.load.requests import check_status
from tests.load.session import Session
from tests.load.tally import RefusedError, RequestError

#: Seconds between two messages of a WebSocket client.
MESSAGE_SECONDS = 0.1
#: Seconds before a client that was cut off, or left properly, connects again.
PAUSE_SECONDS = 0.1
#: Close codes of a server that restarts: going away, and service restart (RFC 6455 section 7.4.1
#: and the registry that it founded).
CLOSE_CODES = (1001, 1012)


class WebSocketClient:
    """Sends a message, waits until it comes back, and so on; connects again when closed."""

    def __init__(self, session: Session, name: str) -> None:
        self.session = session
        self.name = name
        url = session.options.url
        scheme = "wss" if url.scheme == "https" else "ws"
        self.uri = f"{scheme}://{url.netloc}{url.path}/ws"

    async def run(self) -> None:
        """Runs until it is cancelled."""
        while True:
            self.session.tally.requests += 1
            try:
                await self.one_connection()
            except RequestError as failure:
                self.session.tally.fail(self.name, failure)
            await asyncio.sleep(PAUSE_SECONDS)

    async def one_connection(self) -> None:
        """Echoes messages until the server closes the connection as it should.

        Raises:
            RequestError: It did not.
        """
        connection = await self.open()
        self.session.tally.ws_connections += 1
        try:
            for number in count(1):
                await self.one_message(connection, f"{self.name}-{number}")
                await asyncio.sleep(MESSAGE_SECONDS)
        except ConnectionClosed as closed:
            self.judge(closed)
        finally:
            connection.transport.abort()

    async def open(self) -> ClientConnection:
        """Opens a connection.

        Raises:
            RequestError: There is none.
        """
        options = self.session.options
        try:
            # No proxy: nothing may be sent anywhere but to --connect.
            return await connect(
                self.uri,
                host=options.address,
                port=options.port,
                ssl=self.session.tls("http/1.1"),
                proxy=None,
                compression=None,
                ping_interval=None,
                open_timeout=options.timeout,
            )
        except InvalidStatus as error:
            status = error.response.status_code
            kind = "status_5xx" if status >= 500 else "status_other"
            raise RequestError(kind, f"{status} for the upgrade") from error
        except InvalidHandshake as error:
            raise upgrade_failed(error) from error
        except ssl.SSLError as error:
            raise RequestError("tls", repr(error)) from error
        except TimeoutError as error:
            raise RequestError("timeout", f"upgrade: {error!r}") from error
        except OSError as error:
            raise RequestError("connect", repr(error)) from error

    async def one_message(self, connection: ClientConnection, message: str) -> None:
        """Sends one message and waits until it is back.

        Raises:
            RequestError: It did not come back, or changed.
            ConnectionClosed: The connection was closed meanwhile.
        """
        await connection.send(message)
        self.session.tally.ws_unanswered += 1
        try:
            async with asyncio.timeout(self.session.options.timeout):
                answer = await connection.recv()
        except TimeoutError:
            raise RequestError("timeout", f"message {message} did not come back") from None
        except asyncio.CancelledError:
            # The run ended first: the server still had time.
            self.session.tally.ws_unanswered -= 1
            raise
        if answer != message:
            raise RequestError("bad_body", f"sent {message}, got {answer[:300]!r}")
        self.session.tally.ws_unanswered -= 1
        self.session.tally.ws_messages += 1

    def judge(self, closed: ConnectionClosed) -> None:
        """Counts the end of a connection.

        Raises:
            RequestError: The server did not close it as one that restarts.
        """
        if closed.rcvd is None:
            cause = closed.__cause__
            kind = "reset" if isinstance(cause, ConnectionResetError) else "eof"
            raise RequestError(kind, f"no close frame: {closed} from {cause!r}")
        if closed.rcvd.code not in CLOSE_CODES:
            raise RequestError("close_code", str(closed))
        self.session.tally.ws_closed_properly += 1


def upgrade_failed(error: InvalidHandshake) -> RequestError:
    """Returns the failure of a WebSocket upgrade that was not answered as one."""
    cause = error.__cause__
    kind = "protocol"
    if isinstance(cause, ConnectionResetError):
        kind = "reset"
    elif isinstance(cause, EOFError):
        kind = "eof"
    return RequestError(kind, f"upgrade: {error!r} from {cause!r}")


class EventStreamClient:
    """Reads server-sent events until the server ends the stream; connects again then."""

    def __init__(self, session: Session, name: str, *, http2: bool) -> None:
        self.session = session
        self.name = name
        self.http2 = http2
        self.path = f"{session.options.url.path}/events"
        self._tail = b""

    async def run(self) -> None:
        """Runs until it is cancelled."""
        while True:
            self.session.tally.requests += 1
            try:
                await self.one_stream()
            except RequestError as failure:
                self.session.tally.fail(self.name, failure)
            except RefusedError:
                self.session.tally.retryable += 1
            await asyncio.sleep(PAUSE_SECONDS)

    async def one_stream(self) -> None:
        """Reads one stream to its end.

        Raises:
            RequestError: It was cut off: no last chunk, or no END_STREAM.
        """
        host = self.session.options.url.netloc
        self._tail = b""
        connection: Http1Connection | Http2Connection
        if self.http2:
            connection = await self.session.connect(Http2Connection, "h2")
            exchange = connection.send(
                [
                    (":method", "GET"),
                    (":scheme", "https"),
                    (":authority", host),
                    (":path", self.path),
                    ("accept", "text/event-stream"),
                ],
                on_body=self.count_events,
            )
        else:
            connection = await self.session.connect(Http1Connection, "http/1.1")
            request = (
                f"GET {self.path} HTTP/1.1\r\nHost: {host}\r\nAccept: text/event-stream\r\n\r\n"
            )
            exchange = connection.send(request.encode(), self.count_events)
        self.session.tally.sse_streams += 1
        try:
            check_status(await self.session.wait(exchange))
        finally:
            connection.close()
        self.session.tally.sse_ended_properly += 1

    def count_events(self, data: bytes) -> None:
        """Counts the events of a piece; an empty line ends one, and pieces may split it."""
        text = (self._tail + data).replace(b"\r\n", b"\n")
        whole, _, self._tail = text.rpartition(b"\n\n")
        if whole:
            blocks = whole.split(b"\n\n")
            self.session.tally.sse_events += sum(b"data:" in block for block in blocks)
