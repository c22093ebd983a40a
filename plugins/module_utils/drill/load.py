"""A program: asks some servers over HTTPS at a fixed rate, and prints what came of it as JSON.

It runs as `python3 -I -c <this text> <options as JSON>` in a unit of its own, and ends at SIGTERM.
It is a visitor with kept connections: each server has some, and one request at a time on each. A
server that does not answer holds its own connections and no others.
"""

# A program, and no module: it prints, and ends by itself.
# pylint: disable=ansible-bad-function

from __future__ import annotations

import http.client
import json
import signal
import socket
import ssl
import sys
import threading
import time
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

#: Connections to each server, and so the most requests that are lost with what one has in hand.
CONNECTIONS = 4
#: Seconds that an answer may take: a visitor waits at least as long.
TIMEOUT = 30.0
#: Failures that are told one by one.
MOST_FAILURES = 20
#: How much of a stall is made up for, in seconds: a server that stood still gets no queue of
#: requests afterwards.
CATCH_UP = 0.1


class Pace:
    """Hands out turns, some a second, to the connections of one server."""

    def __init__(self, rate: float) -> None:
        self._interval = 1 / rate
        self._next = time.monotonic()
        self._lock = threading.Lock()

    def wait(self, ended: threading.Event) -> bool:
        """Wait for a turn; return whether there still is one."""
        with self._lock:
            at = max(self._next, time.monotonic() - CATCH_UP)
            self._next = at + self._interval
        return not ended.wait(max(0.0, at - time.monotonic()))


@dataclass
class Tally:
    """What was seen; times are Unix times.

    Attributes:
        began: When the first request was due.
        requests: How many requests, by server.
        failed: How many of them got no answer, or one with a status from 500 on.
        unanswered: How many got none.
        retried: How many were asked again, since the server had closed a kept connection.
        slowest: The longest that an answer took, in seconds.
        failures: The first ones.
        gap: The longest time between two good answers of anybody, and when it began.
    """

    began: float = field(default_factory=time.time)
    requests: dict[str, int] = field(default_factory=dict)
    failed: dict[str, int] = field(default_factory=dict)
    unanswered: int = 0
    retried: int = 0
    slowest: float = 0.0
    failures: list[dict[str, Any]] = field(default_factory=list)
    gap: tuple[float, float] = (0.0, 0.0)
    _last: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, server: str, took: float, status: int, problem: str) -> None:
        """Count a request.

        Args:
            server: Its server.
            took: Seconds to the end of the answer.
            status: Of the answer; 0 for none.
            problem: Why there was none.
        """
        now = time.time()
        with self._lock:
            self.requests[server] = self.requests.get(server, 0) + 1
            self.slowest = max(self.slowest, took)
            if status == 0 or status >= 500:
                self.failed[server] = self.failed.get(server, 0) + 1
                self.unanswered += status == 0
                if len(self.failures) < MOST_FAILURES:
                    told = problem or str(status)
                    self.failures.append({"at": round(now, 3), "server": server, "why": told})
                return
            self._close_gap(now)

    def retry(self) -> None:
        """Count a request that is asked again."""
        with self._lock:
            self.retried += 1

    def result(self) -> dict[str, Any]:
        """Return the JSON document."""
        with self._lock:
            ended = time.time()
            self._close_gap(ended)
            return {
                "began": round(self.began, 3),
                "ended": round(ended, 3),
                "requests": sum(self.requests.values()),
                "failed": sum(self.failed.values()),
                "unanswered": self.unanswered,
                "retried": self.retried,
                "longest_gap": round(self.gap[0], 3),
                "gap_began": round(self.gap[1], 3),
                "slowest": round(self.slowest, 3),
                "requests_by_server": self.requests,
                "failed_by_server": self.failed,
                "failures": self.failures,
            }

    def _close_gap(self, now: float) -> None:
        before = self._last or self.began
        self.gap = max(self.gap, (now - before, before))
        self._last = now


class Visitor:
    """One kept connection to one server."""

    def __init__(self, server: dict[str, Any], options: dict[str, Any], tally: Tally) -> None:
        self._server, self._options, self._tally = server, options, tally
        self._context = ssl.create_default_context()
        # Whether a visitor's browser takes the certificate, app_info and verify.yml judge.
        self._context.check_hostname = False
        self._context.verify_mode = ssl.CERT_NONE
        self._connection: http.client.HTTPConnection | None = None

    def run(self, pace: Pace, ended: threading.Event) -> None:
        """Ask until the end."""
        while pace.wait(ended):
            began = time.monotonic()
            status, problem = 0, ""
            try:
                status = self._ask()
            except (OSError, http.client.HTTPException) as error:
                problem = f"{type(error).__name__}: {error}"
                self._close()
            self._tally.take(self._server["name"], time.monotonic() - began, status, problem)

    def _ask(self) -> int:
        kept = self._connection is not None
        try:
            return self._exchange()
        except (http.client.RemoteDisconnected, ConnectionError, ssl.SSLError):
            self._close()
            if not kept:
                raise
            # The server may close a connection that is idle (RFC 9112, 9.3.1), and every browser
            # then asks again what is safe to ask twice.
            self._tally.retry()
            return self._exchange()

    def _exchange(self) -> int:
        if self._connection is None:
            self._connection = self._connect()
        headers = {"User-Agent": self._options["agent"], "Host": self._options["domain"]}
        self._connection.request("GET", self._options["path"], headers=headers)
        answer = self._connection.getresponse()
        answer.read()
        if answer.will_close:
            self._close()
        return answer.status

    def _connect(self) -> http.client.HTTPConnection:
        address = (self._server["address"], int(self._server["port"]))
        plain = socket.create_connection(address, TIMEOUT)
        # The rest of a request must not wait for the answer to its beginning.
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = http.client.HTTPConnection(self._options["domain"], timeout=TIMEOUT)
        connection.auto_open = 0
        try:
            name = self._options["domain"]
            connection.sock = self._context.wrap_socket(plain, server_hostname=name)
        except BaseException:
            plain.close()
            raise
        return connection

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def load(options: dict[str, Any], ended: threading.Event) -> dict[str, Any]:
    """Ask all servers until the end, and return the JSON document.

    Args:
        options: `servers` (name, address, port), `domain`, `path`, `agent`, `rate` (requests a
            second to all of them).
        ended: Set at the end.
    """
    tally = Tally()
    threads = []
    for server in options["servers"]:
        pace = Pace(float(options["rate"]) / len(options["servers"]))
        for _number in range(CONNECTIONS):
            visitor = Visitor(server, options, tally)
            thread = threading.Thread(target=visitor.run, args=(pace, ended), daemon=True)
            thread.start()
            threads.append(thread)
    ended.wait()
    for thread in threads:
        thread.join(TIMEOUT + 1)
    return tally.result()


def main() -> None:
    """Load until SIGTERM."""
    ended = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        ended.set()

    signal.signal(signal.SIGTERM, end)
    print(json.dumps(load(json.loads(sys.argv[1]), ended)), flush=True)


if __name__ == "__main__":
    main()
