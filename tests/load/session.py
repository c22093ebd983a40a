"""What all clients of a run share: where to connect to, the clock, and the counts."""

import asyncio
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from tests.load.options import Options
from tests.load.pace import Pace
from tests.load.tally import RequestError, Tally

ProtocolT = TypeVar("ProtocolT", bound=asyncio.Protocol)

#: Seconds between two looks for requests that wait too long.
WATCH_SECONDS = 0.1


@dataclass(frozen=True)
class Answer:
    """A complete answer."""

    status: int
    body: bytes


@dataclass(eq=False)
class Exchange:
    """A request that was sent, and what has come of its answer so far; times in seconds.

    Attributes:
        answer: Done with the complete answer, or with `RequestError` or `RefusedError`.
        on_body: Takes the pieces of the body instead of `body`, for answers without an end.
    """

    answer: "asyncio.Future[Answer]"
    on_body: Callable[[bytes], None] | None = None
    status: int = 0
    body: bytearray = field(default_factory=bytearray)
    sent: float = field(default_factory=time.monotonic)
    active: float = field(default_factory=time.monotonic)

    def take_body(self, data: bytes) -> None:
        """Takes a piece of the body."""
        self.active = time.monotonic()
        if self.on_body is not None and self.status == 200:
            self.on_body(data)
        else:
            self.body += data

    def complete(self) -> None:
        """The answer is complete."""
        if not self.answer.done():
            self.answer.set_result(Answer(self.status, bytes(self.body)))

    def fail(self, error: Exception) -> None:
        """There will be no answer."""
        if not self.answer.done():
            self.answer.set_exception(error)


class Session:
    """One run."""

    def __init__(self, options: Options, tally: Tally) -> None:
        self.options = options
        self.tally = tally
        self.pace = Pace(options.rate)
        self.exchanges: set[Exchange] = set()
        self._tls: dict[str, ssl.SSLContext] = {}

    def tls(self, protocol: str) -> ssl.SSLContext | None:
        """Returns what TLS is to be made with, for an ALPN protocol; None without TLS."""
        if self.options.url.scheme != "https":
            return None
        if protocol not in self._tls:
            context = ssl.create_default_context(cafile=self.options.cacert)
            context.set_alpn_protocols([protocol])
            self._tls[protocol] = context
        return self._tls[protocol]

    async def connect(self, factory: Callable[[], ProtocolT], protocol: str) -> ProtocolT:
        """Opens a connection.

        Raises:
            RequestError: There is none.
        """
        context = self.tls(protocol)
        try:
            async with asyncio.timeout(self.options.timeout):
                _, connection = await asyncio.get_running_loop().create_connection(
                    factory,
                    self.options.address,
                    self.options.port,
                    ssl=context,
                    server_hostname=self.options.url.hostname if context else None,
                )
        except ssl.SSLError as error:
            raise RequestError("tls", f"handshake: {error!r}") from error
        except TimeoutError as error:
            raise RequestError("timeout", f"connecting: {error!r}") from error
        except OSError as error:
            raise RequestError("connect", repr(error)) from error
        return connection

    async def wait(self, exchange: Exchange) -> Answer:
        """Waits for the answer of an exchange, but not for ever.

        Raises:
            RequestError: There is none.
            RefusedError: The server did not take the request.
        """
        self.exchanges.add(exchange)
        try:
            return await exchange.answer
        finally:
            self.exchanges.discard(exchange)

    async def watch(self) -> None:
        """Fails the exchanges that wait too long: one task instead of a timer for each."""
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            late = time.monotonic() - self.options.timeout
            for exchange in list(self.exchanges):
                if exchange.active < late:
                    waited = f"nothing came for {self.options.timeout:g} s"
                    exchange.fail(RequestError("timeout", waited))


def lost(error: Exception | None) -> RequestError:
    """Returns the failure of a request whose connection ended, as asyncio reports that end."""
    if error is None:
        return RequestError("eof", "the connection ended before the answer did")
    kind = "tls" if isinstance(error, ssl.SSLError) else "reset"
    return RequestError(kind, repr(error))
