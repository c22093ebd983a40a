"""The clients that send short requests: HTTP/1.1 GET and POST, and both over HTTP/2."""

import asyncio
import json
import time
from itertools import count

from tests.load.http1 import Http1Connection
from tests.load.http2 import Http2Connection
from tests.load.session import Answer, Exchange, Session
from tests.load.tally import RefusedError, RequestError

#: Requests that are out at a time on one HTTP/2 connection.
STREAMS_PER_CONNECTION = 2
#: Bytes of a POST.
BODY_BYTES = 256


class RequestClient:
    """What the clients have in common: a body that is new each time, and the look at an answer."""

    def __init__(self, session: Session, name: str) -> None:
        self.session = session
        self.name = name
        self.prefix = session.options.url.path
        self.host = session.options.url.netloc
        self._numbers = count(1)
        self._connected = False

    def new_body(self) -> bytes:
        """Returns a body that no other request has."""
        return f"{self.name}-{next(self._numbers)}-".encode().ljust(BODY_BYTES, b"x")

    def count_connection(self) -> None:
        """Counts a connection that follows an earlier one."""
        if self._connected:
            self.session.tally.reconnects += 1
        self._connected = True

    async def finish(self, exchange: Exchange, body: bytes | None) -> None:
        """Waits for the answer to a GET of /whoami, or to a POST of `body` to /echo.

        Raises:
            RequestError: There was none, or not the right one.
            RefusedError: The server did not take the request.
        """
        try:
            answer = await self.session.wait(exchange)
        except RequestError as failure:
            age = (time.monotonic() - exchange.sent) * 1000
            detail = f"{failure.detail}; {age:.1f} ms after it was sent"
            raise RequestError(failure.kind, detail) from None
        self.session.tally.answered(time.monotonic() - exchange.sent)
        check_status(answer)
        if body is None:
            self.check_whoami(answer)
        elif answer.body != body:
            raise RequestError("bad_body", f"sent {body[:40]!r}..., got {answer.body[:300]!r}")

    def check_whoami(self, answer: Answer) -> None:
        """Notes the release that answered.

        Raises:
            RequestError: The answer is not that of the sample application.
        """
        try:
            said = json.loads(answer.body)
            self.session.tally.answered_by(said["release"], said["slot"])
        except (ValueError, TypeError, KeyError):
            raise RequestError("bad_body", repr(answer.body[:300])) from None


def check_status(answer: Answer) -> None:
    """Refuses every answer but 200.

    Raises:
        RequestError: With the status and what the server said.
    """
    if answer.status != 200:
        kind = "status_5xx" if answer.status >= 500 else "status_other"
        raise RequestError(kind, f"{answer.status} {answer.body[:300]!r}")


class Http1Client(RequestClient):
    """One HTTP/1.1 connection with either GET or POST, made anew when the server ends it."""

    def __init__(self, session: Session, name: str, *, post: bool) -> None:
        super().__init__(session, name)
        self.post = post
        self.connection: Http1Connection | None = None

    async def run(self) -> None:
        """Sends requests until the run is over."""
        while await self.session.pace.turn():
            self.session.tally.requests += 1
            try:
                await self.one_request()
            except RequestError as failure:
                self.session.tally.fail(self.name, failure)
                if self.connection is not None and failure.kind in ("timeout", "protocol"):
                    self.connection.close()
        if self.connection is not None:
            self.connection.close()

    async def one_request(self) -> None:
        """Sends one request, on the connection that is there if it is still open."""
        if self.connection is None or not self.connection.usable:
            self.count_connection()
            self.connection = None
            self.connection = await self.session.connect(Http1Connection, "http/1.1")
        connection = self.connection
        body = self.new_body() if self.post else None
        try:
            await self.finish(connection.send(self.message(body)), body)
        except RequestError as failure:
            detail = f"{failure.detail}; request {connection.requests} of its connection"
            raise RequestError(failure.kind, detail) from None

    def message(self, body: bytes | None) -> bytes:
        """Returns the bytes of a request."""
        if body is None:
            return f"GET {self.prefix}/whoami HTTP/1.1\r\nHost: {self.host}\r\n\r\n".encode()
        head = (
            f"POST {self.prefix}/echo HTTP/1.1\r\nHost: {self.host}\r\n"
            f"Content-Type: application/octet-stream\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


class Http2Client(RequestClient):
    """One HTTP/2 connection, on which GET and POST go out in turn."""

    def __init__(self, session: Session, name: str) -> None:
        super().__init__(session, name)
        self.connection: Http2Connection | None = None
        self._connecting = asyncio.Lock()

    async def run(self) -> None:
        """Sends requests until the run is over."""
        await asyncio.gather(*(self.run_stream() for _ in range(STREAMS_PER_CONNECTION)))
        if self.connection is not None:
            self.connection.close()

    async def run_stream(self) -> None:
        """Sends one request after the other."""
        post = False
        while await self.session.pace.turn():
            self.session.tally.requests += 1
            try:
                await self.one_request(self.new_body() if post else None)
            except RequestError as failure:
                self.session.tally.fail(self.name, failure)
            except RefusedError:
                self.session.tally.retryable += 1
            post = not post

    async def one_request(self, body: bytes | None) -> None:
        """Sends one request, on the connection that is there if the server still takes any."""
        async with self._connecting:
            if self.connection is None or not self.connection.usable:
                self.count_connection()
                self.connection = None
                self.connection = await self.session.connect(Http2Connection, "h2")
        connection = self.connection
        exchange = connection.send(self.headers(body), body or b"")
        try:
            await self.finish(exchange, body)
        except RequestError as failure:
            if failure.kind == "timeout":
                connection.forget(exchange)
            detail = f"{failure.detail}; request {connection.requests} of its connection"
            raise RequestError(failure.kind, detail) from None

    def headers(self, body: bytes | None) -> list[tuple[str, str]]:
        """Returns the headers of a request."""
        headers = [
            (":method", "GET" if body is None else "POST"),
            (":scheme", "https"),
            (":authority", self.host),
            (":path", f"{self.prefix}/{'whoami' if body is None else 'echo'}"),
        ]
        if body is not None:
            headers.append(("content-length", str(len(body))))
        return headers
