"""One HTTP request to a server that may be hostile: one deadline and one bound for all of it.

The timeouts of sockets and of http.client count for each read, so that a server which sends a byte
now and then would hold the client for ever.
"""

from __future__ import annotations

import io
import socket
import time
from http.client import HTTPException, HTTPResponse
from typing import TYPE_CHECKING

from ansible_collections.asgi.fleet.plugins.module_utils.protocol.text import printable

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

#: Seconds that an answer may take. Whoever asks is an operator who waits.
SECONDS = 5.0
#: Bytes of an answer that are read, with its head.
MOST_BYTES = 128 * 1024
#: Bytes of a body that are read.
BODY_BYTES = 64 * 1024


class Unanswered(Exception):  # noqa: N818 - an outcome that is meant, with its own name
    """There was no answer that can be used; the message says why."""


class Late(Unanswered):
    """The answer had not ended when the time was over."""


class Budget:
    """What is left of the time and of the bytes of one exchange."""

    def __init__(self, seconds: float, most: int) -> None:
        self.seconds = seconds
        self.deadline = time.monotonic() + seconds
        self.most = self.bytes_left = most

    def apply(self, connection: socket.socket) -> None:
        """Let the next call of a socket take no longer than what is left.

        Raises:
            Late: No time is left.
        """
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise self.late()
        connection.settimeout(left)

    def late(self) -> Late:
        """Return what to raise when the time is over."""
        return Late(f"did not complete its answer within {self.seconds:g} s")

    def receive(self, connection: socket.socket, buffer: WriteableBuffer) -> int:
        """Receive into a buffer; return how many bytes.

        Raises:
            Unanswered: The time is over, or the answer is too large.
        """
        if self.bytes_left <= 0:
            raise Unanswered(f"sent more than {self.most} bytes")
        self.apply(connection)
        count = connection.recv_into(memoryview(buffer)[: self.bytes_left])
        self.bytes_left -= count
        return count


def get_unix(
    path: str, target: str, host: str, seconds: float = SECONDS, most: int = MOST_BYTES
) -> tuple[int, str]:
    """Send one GET over a unix socket; return status and body.

    Raises:
        Unanswered: There was no answer, or too large a one, or too late.
    """
    budget = Budget(seconds, most)
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            budget.apply(connection)
            connection.connect(path)
        except OSError as error:
            raise Unanswered(f"does not answer: {_told(error)}") from None
        return get(connection, target, host, budget, {"X-Forwarded-Proto": "https"})


def get(
    connection: socket.socket, target: str, host: str, budget: Budget, headers: dict[str, str]
) -> tuple[int, str]:
    """Send one GET over a connection; return status and body, as text without control characters.

    Raises:
        Unanswered: There was no answer, or too large a one, or too late.
    """
    told = {"Host": host, "User-Agent": "asgi-fleet", "Connection": "close", **headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in told.items())
    try:
        budget.apply(connection)
        connection.sendall(f"GET {target} HTTP/1.1\r\n{head}\r\n".encode())
        # http.client needs no more of a socket than its file.
        response = HTTPResponse(_Reading(connection, budget), method="GET")  # type: ignore[arg-type]
        with response:
            response.begin()
            body = response.read(BODY_BYTES)
    except TimeoutError:
        raise budget.late() from None
    except OSError as error:
        raise Unanswered(f"does not answer: {_told(error)}") from None
    except (HTTPException, ValueError) as error:
        raise Unanswered(f"does not answer in HTTP: {_told(error)}") from None
    return response.status, printable(body.decode(errors="replace"))


def _told(error: Exception) -> str:
    return printable(str(getattr(error, "strerror", "") or error)[:200]) or type(error).__name__


class _Reading(io.RawIOBase):
    """The receiving side of a socket, within a budget."""

    def __init__(self, connection: socket.socket, budget: Budget) -> None:
        super().__init__()
        self._connection = connection
        self._budget = budget

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Return this as http.client asks a socket for its file."""
        return io.BufferedReader(self)

    def readable(self) -> bool:
        """Tell that this can be read."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Receive into a buffer."""
        return self._budget.receive(self._connection, buffer)
