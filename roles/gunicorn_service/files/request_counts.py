"""What a slot's workers count of their requests, in files that outlive them.

Deployed beside each slot's gunicorn.conf.py, which calls it if metrics are wanted; serve_metrics.py
reads with it what it wrote. It runs in the application's own virtual environment, imports only the
standard library, and is not prometheus_client, which the application may use for its own metrics.

Each worker writes a file of its own, mapped into memory: a count is one store of eight bytes, by
one thread, so that nothing is locked. While it lives, the worker holds a lock on its file, which
the kernel takes back however it ends. What is counted in a file without a lock still counts; the
gauges in it do not. Gunicorn's master adds such files to one for all of the slot that have ended.

Times are in nanoseconds of `time.monotonic_ns()`. Files are in a folder that only the application
writes, so whoever reads them trusts none of their content.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import mmap
import os
import re
import stat
import threading
import time
from array import array
from bisect import bisect_left
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other")
#: The first is for requests to which no answer was begun, since the client left.
STATUSES = ("none", "1xx", "2xx", "3xx", "4xx", "5xx")
#: Upper limits in seconds; the last bucket has none. Of the time until an answer begins.
DURATIONS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
#: Of the time by which the event loop is late.
LAGS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

#: Routes that are counted apart; what comes later counts as `OTHER`, as does what has no route.
MOST_ROUTES = 64
OTHER = "other"
#: Bytes of a route's template that are kept.
ROUTE_BYTES = 120
#: Seconds between two samples of the event loop, and samples between two of the memory.
SAMPLE_SECONDS = 0.5
SAMPLES_FOR_MEMORY = 60

_SECOND = 1_000_000_000
_LIMITS = [int(limit * _SECOND) for limit in DURATIONS]
_LAG_LIMITS = [int(limit * _SECOND) for limit in LAGS]

# The file in words of eight bytes, in the machine's own order: gauges, counters, then the routes.
MAGIC = 0x31544E554F434641
IN_FLIGHT, WEBSOCKETS_OPEN, MEMORY = 1, 2, 3
GAUGES = 8
#: Counters that are no route's, as places after the gauges.
WEBSOCKETS, BUSY, CPU, LAG_SUM, LAG_BUCKETS = 0, 1, 2, 3, 4
COUNTERS = LAG_BUCKETS + len(LAGS) + 1
_ROUTES = GAUGES + COUNTERS
#: A route: its template, then its counters: a count for each method and status, and the durations.
_NAME = ROUTE_BYTES // 8
REQUESTS = len(METHODS) * len(STATUSES)
DURATION_SUM, DURATION_BUCKETS = REQUESTS, REQUESTS + 1
ROUTE_COUNTERS = DURATION_BUCKETS + len(DURATIONS) + 1
_ROUTE = _NAME + ROUTE_COUNTERS
WORDS = _ROUTES + MOST_ROUTES * _ROUTE
SIZE = WORDS * 8

#: `blue-4711-1795241400123.counts`, and the sum of those that have ended: `blue.ended`.
FILE = re.compile(r"(blue|green)-[0-9]{1,10}-[0-9]{1,20}\.counts")
#: The most of what is read: of files of a slot, bytes of `blue.ended`, and routes in it.
MOST_FILES = 2000
ENDED_BYTES = 2 * 1024 * 1024
MOST_ENDED_ROUTES = 256
#: A count of so many is none.
MOST_NUMBER = 1 << 80


@dataclass
class Counts:
    """What some workers have counted.

    Attributes:
        counters: Those that are no route's, see `WEBSOCKETS` and the others.
        routes: The counters of each route, by its template.
        last: The file that was added last.
        ended: How many workers' counts were added.
    """

    counters: list[int] = field(default_factory=lambda: [0] * COUNTERS)
    routes: dict[str, list[int]] = field(default_factory=dict)
    last: str = ""
    ended: int = 0

    def add(self, other: Counts) -> None:
        """Add what others have counted."""
        self.counters = [a + b for a, b in zip(self.counters, other.counters, strict=True)]
        for route, counted in other.routes.items():
            name = route if route in self.routes or self._has_room() else OTHER
            own = self.routes.setdefault(name, [0] * ROUTE_COUNTERS)
            self.routes[name] = [a + b for a, b in zip(own, counted, strict=True)]
        self.ended += other.ended

    def _has_room(self) -> bool:
        return len(self.routes) < MOST_ENDED_ROUTES


@dataclass
class Worker:
    """What one worker's file says: its gauges count only while it lives."""

    alive: bool
    gauges: list[int]
    counts: Counts


class Recorder:
    """A worker's own file; made in the worker, whose lock it holds until the process ends."""

    def __init__(self, directory: str, slot: str) -> None:
        name = f"{slot}-{os.getpid()}-{time.time_ns()}.counts"
        path = os.path.join(directory, name)
        fd = os.open(path + ".new", os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
        # The application may have set a umask of its own; the endpoint reads it by the group.
        os.fchmod(fd, 0o640)
        os.ftruncate(fd, SIZE)
        # Of this process alone: a child of the worker's that outlives it does not inherit it.
        # Kept open for as long as the process lives, since closing it would end the lock.
        fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self.words = memoryview(mmap.mmap(fd, SIZE)).cast("Q")
        self.words[0] = MAGIC
        self._routes: dict[str, int] = {}
        self._place(OTHER)
        self._busy_since = 0
        # Never seen without its lock.
        os.rename(path + ".new", path)

    def begin(self) -> None:
        """Note that a request is in flight."""
        words = self.words
        if not words[IN_FLIGHT]:
            self._busy_since = time.monotonic_ns()
        words[IN_FLIGHT] += 1

    def end(self) -> None:
        """Note that a request no longer is."""
        words = self.words
        words[IN_FLIGHT] -= 1
        if not words[IN_FLIGHT]:
            words[GAUGES + BUSY] += time.monotonic_ns() - self._busy_since

    def count(self, route: str, method: str, status: int, nanoseconds: int) -> None:
        """Count a request; `status` is 0 if no answer was begun."""
        place = self._routes.get(route) or self._place(route)
        words = self.words
        words[place + _METHODS.get(method, _OTHER_METHOD) + status // 100] += 1
        words[place + DURATION_SUM] += nanoseconds
        words[place + DURATION_BUCKETS + bisect_left(_LIMITS, nanoseconds)] += 1

    def sample(self, late: int) -> None:
        """Count by how much the event loop is late, and what passes meanwhile."""
        words = self.words
        words[GAUGES + LAG_SUM] += late
        words[GAUGES + LAG_BUCKETS + bisect_left(_LAG_LIMITS, late)] += 1
        words[GAUGES + CPU] = time.process_time_ns()
        if words[IN_FLIGHT]:
            # So that a request of an hour shows before it ends.
            now = time.monotonic_ns()
            words[GAUGES + BUSY] += now - self._busy_since
            self._busy_since = now

    def measure_memory(self) -> None:
        """Note this process's share of the memory, as proc_pid_smaps(5) has it: Pss."""
        with contextlib.suppress(OSError, ValueError, IndexError):
            with open("/proc/self/smaps_rollup", "rb") as file:
                text = file.read()
            self.words[MEMORY] = int(text.split(b"\nPss:", 1)[1].split(None, 1)[0]) * 1024

    def _place(self, route: str) -> int:
        """Return the word at which a route's counters begin."""
        number = len(self._routes)
        name = route.encode()[:ROUTE_BYTES]
        if number >= MOST_ROUTES or not name:
            return self._routes[OTHER]
        begin = _ROUTES + number * _ROUTE
        padded = name.ljust(ROUTE_BYTES, b"\0")
        # A reader sees a name whole: without its first word there is none.
        for word in range(_NAME - 1, -1, -1):
            self.words[begin + word] = int.from_bytes(padded[word * 8 : word * 8 + 8], _ORDER)
        self._routes[route] = begin + _NAME
        return begin + _NAME


_BODY = "http.response.body"
_ORDER: Any = "little" if array("H", [1]).tobytes()[0] else "big"
_METHODS = {method: number * len(STATUSES) for number, method in enumerate(METHODS)}
_OTHER_METHOD = _METHODS["other"]


class Counting:
    """Counts the requests of a slot's workers, and adds up those of workers that have ended."""

    def __init__(self, directory: str, slot: str, health_path: str) -> None:
        self.directory = directory
        self.slot = slot
        self._health_path = health_path

    def begin(self, application: Application) -> Application:
        """Return an application that counts; called in the worker, within its event loop."""
        try:
            recorder = Recorder(self.directory, self.slot)
        except OSError:
            # A worker that cannot count can serve.
            return application
        loop = asyncio.get_running_loop()
        _sample(loop, recorder, loop.time(), 0)
        return CountedApplication(application, recorder, self._health_path)

    def add_up(self) -> None:
        """Add the counts of workers that have ended to those of the slot; called in the master."""
        with contextlib.suppress(OSError):
            # The last one first: a master that was killed before it removed it has counted it, and
            # that is known of the last one alone.
            last = read_ended(self.directory, self.slot).last
            names = files_of(self.directory, self.slot)
            for name in sorted(names, key=lambda name: name != last):
                path = os.path.join(self.directory, name)
                worker = read_worker(path)
                if worker is not None and worker.alive:
                    continue
                ended = read_ended(self.directory, self.slot)
                if worker is not None and ended.last != name:
                    ended.add(worker.counts)
                    ended.last = name
                    ended.ended += 1
                    _write_ended(self.directory, self.slot, ended)
                os.unlink(path)


def _sample(loop: asyncio.AbstractEventLoop, recorder: Recorder, due: float, number: int) -> None:
    now = loop.time()
    recorder.sample(max(0, int((now - due) * _SECOND)))
    if number % SAMPLES_FOR_MEMORY == 0:
        # The kernel may take milliseconds, which the event loop must not wait for.
        threading.Thread(target=recorder.measure_memory, daemon=True).start()
    due = now + SAMPLE_SECONDS
    loop.call_at(due, _sample, loop, recorder, due, number + 1)


class CountedApplication:
    """Wraps the application: each request and WebSocket is counted."""

    def __init__(self, application: Application, recorder: Recorder, health_path: str) -> None:
        self.application = application
        self.recorder = recorder
        self._health_path = health_path

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Serve one request, WebSocket or lifespan, as ASGI 3 has it."""
        kind = scope["type"]
        if kind == "http" and not self._is_own(scope):
            await self._http(scope, receive, send)
        elif kind == "websocket":
            words = self.recorder.words
            words[GAUGES + WEBSOCKETS] += 1
            words[WEBSOCKETS_OPEN] += 1
            try:
                await self.application(scope, receive, send)
            finally:
                words[WEBSOCKETS_OPEN] -= 1
        else:
            await self.application(scope, receive, send)

    def _is_own(self, scope: MutableMapping[str, Any]) -> bool:
        """Tell whether the worker itself asks, to prove its health."""
        return scope["path"].endswith(self._health_path) and OWN in scope["headers"]

    async def _http(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        recorder = self.recorder
        status = took = 0
        in_flight = True
        began = time.monotonic_ns()
        recorder.begin()

        # Not a coroutine of its own: it returns that of `send`.
        def counted(message: Message) -> Awaitable[None]:
            nonlocal status, took, in_flight
            if message["type"] == "http.response.start":
                status = message["status"]
                took = time.monotonic_ns() - began
            elif in_flight and message["type"] == _BODY and not message.get("more_body"):
                # What the application does in the background keeps nobody waiting.
                in_flight = False
                recorder.end()
            return send(message)

        try:
            await self.application(scope, receive, counted)
        except Exception:
            # Uvicorn answers 500, if nothing was answered.
            status = status or 500
            raise
        finally:
            if in_flight:
                recorder.end()
            # FastAPI leaves the route that it found.
            route = getattr(scope.get("route"), "path", OTHER)
            took = took or time.monotonic_ns() - began
            if not (isinstance(route, str) and 0 <= status < 600):
                route, status = OTHER, 500
            recorder.count(route, scope["method"], status, took)


#: By this header, which no browser sends, a worker's own health requests are left out.
OWN = (b"user-agent", b"asgi-fleet-worker")


def read_ended(directory: str, slot: str) -> Counts:
    """Return what was added up; nothing if that cannot be read."""
    try:
        told = json.loads(_read(os.path.join(directory, f"{slot}.ended"), ENDED_BYTES))
        counters = _numbers(told["counters"], COUNTERS)
        routes = {
            str(name)[:ROUTE_BYTES]: _numbers(counted, ROUTE_COUNTERS)
            for name, counted in list(told["routes"].items())[: MOST_ENDED_ROUTES + 1]
        }
        [ended] = _numbers([told["ended"]], 1)
        return Counts(counters, routes, str(told["last"]), ended)
    except (OSError, ValueError, ArithmeticError, LookupError, TypeError, AttributeError):
        return Counts()
    except RecursionError:
        return Counts()


def _write_ended(directory: str, slot: str, counts: Counts) -> None:
    path = os.path.join(directory, f"{slot}.ended")
    with open(path + ".new", "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), 0o640)
        json.dump(vars(counts), file)
    os.replace(path + ".new", path)


def _numbers(told: Iterable[Any], length: int) -> list[int]:
    numbers = [int(number) for number in told]
    if len(numbers) != length or min(numbers) < 0 or max(numbers) > MOST_NUMBER:
        raise ValueError("not what was written")
    return numbers


def files_of(directory: str, slot: str) -> list[str]:
    """Return the names of the files of a slot's workers."""
    names = [name for name in os.listdir(directory) if FILE.fullmatch(name)]
    return sorted(name for name in names if name.startswith(f"{slot}-"))[:MOST_FILES]


def _read(path: str, most: int) -> bytes:
    return _open(path, most)[0]


def _open(path: str, most: int) -> tuple[bytes, bool]:
    """Return a file's content and whether its writer lives; of regular files alone.

    Raises:
        OSError: It cannot be read, or is something else.
    """
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(fd, "rb") as file:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise OSError(f"{path} is no file")
        alive = False
        try:
            fcntl.lockf(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            alive = True
        return file.read(most), alive


def read_worker(path: str) -> Worker | None:
    """Return what a worker's file says; None if it is gone, or not what a worker writes."""
    try:
        content, alive = _open(path, SIZE + 1)
    except OSError:
        return None
    if len(content) != SIZE:
        return None
    words = array("Q", content).tolist()
    if words[0] != MAGIC:
        return None
    counts = Counts(words[GAUGES:_ROUTES])
    for begin in range(_ROUTES, WORDS, _ROUTE):
        name = content[begin * 8 : (begin + _NAME) * 8].rstrip(b"\0").decode(errors="replace")
        if not name:
            break
        counters = words[begin + _NAME : begin + _ROUTE]
        if name in counts.routes:
            counters = [a + b for a, b in zip(counts.routes[name], counters, strict=True)]
        counts.routes[name] = counters
    return Worker(alive, words[:GAUGES], counts)
