"""What an application has served since a given time, read from nginx's own log.

Made for logs of gigabytes: the first relevant line is found by bisection, and only what follows it
is read. The lines are in the log format `fleet_json` of the role `nginx_site`.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

DISORDER = 10.0
"""Seconds by which lines may be out of order. A worker of nginx writes a line with the time at
which its round of events began, so two workers differ by as long as one round takes: milliseconds,
seconds on a stalled disk."""

BLOCK = 64 * 1024
"""Bytes that one read takes."""

LONGEST_LINE = 1024 * 1024
"""A longer line, in bytes, is not nginx's, but what a crash of the host left."""

# No client can write this into a value: a quote in a value is escaped.
_ENDED = re.compile(rb'"msec":"(\d+\.\d+)"')
_ATTEMPTS = re.compile(r"\s*[,:]\s*")


@dataclass(frozen=True)
class Request:
    """One request that went to the application.

    Attributes:
        path: The path, without its query.
        status: The status that the client got.
        latency: Milliseconds until the application's answer began, or until the client gave up;
            None when the application was never asked, for example without a live upstream.
    """

    path: str
    status: int
    latency: int | None


@dataclass
class Traffic:
    """Requests, how many of them failed, and how long they took.

    Attributes:
        requests: How many.
        errors: How many of them were answered with a status from 500 to 599.
        latency_ms: The number of requests, by milliseconds.
    """

    requests: int = 0
    errors: int = 0
    latency_ms: Counter[int] = field(default_factory=Counter)

    def add(self, request: Request) -> None:
        """Count a request."""
        self.requests += 1
        self.errors += 500 <= request.status <= 599
        if request.latency is not None:
            self.latency_ms[coarse(request.latency)] += 1

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data; JSON allows only text as names."""
        latency = {str(taken): self.latency_ms[taken] for taken in sorted(self.latency_ms)}
        return {"requests": self.requests, "errors": self.errors, "latency_ms": latency}


def coarse(milliseconds: int) -> int:
    """Return a rounded duration, so that a histogram stays small.

    Exact below a second, in steps of 10 ms below ten seconds, of 100 ms above. Always rounded up,
    so that exactly the durations over a limit of whole steps stay over it.
    """
    step = 1 if milliseconds < 1000 else 10 if milliseconds < 10_000 else 100
    return -(-milliseconds // step) * step


def parse(line: bytes) -> Request | None:
    """Return the request of a line; None if nginx answered itself, or for another kind of line.

    If nginx answers because the application did not (502, 504), the request counts. A client that
    gave up before the answer began (499) counts with the time that it waited.
    """
    try:
        entry = json.loads(line)
        if not entry["upstream"]:
            return None
        header, whole = entry["upstream_header_time"], entry["upstream_response_time"]
        return Request(entry["path"], int(entry["status"]), _latency(header, whole))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _latency(header: str, whole: str) -> int | None:
    """Return the milliseconds to the header, or for an attempt without one, its whole time.

    Several attempts are listed together, `0.001, 0.002`; a colon separates two groups of servers,
    and `-` means that there is no value.
    Source: nginx's documentation of $upstream_header_time and $upstream_addr.
    """
    times = [
        first if first != "-" else instead
        for first, instead in zip(_ATTEMPTS.split(header), _ATTEMPTS.split(whole), strict=False)
    ]
    known = [float(time) for time in times if time not in ("-", "")]
    return math.ceil(round(sum(known) * 1000, 3)) if known else None


def ended_at(line: bytes) -> float | None:
    """Return the Unix time at which a line's request ended; None for a line of another kind."""
    found = _ENDED.search(line)
    return float(found[1]) if found else None


def dated(lines: Iterable[tuple[int, bytes]]) -> Iterator[tuple[int, float, bytes]]:
    """Yield position, time and text of the lines that have a time."""
    for start, line in lines:
        ended = ended_at(line)
        if ended is not None:
            yield start, ended, line


def read_traffic(log: Path, since: float, ignore_paths: Collection[str] = ()) -> Traffic:
    """Return what the application has served since a given time.

    Args:
        log: nginx's log. The last rotated log, with `.1` after its name, is also read if the time
            is before this log's first line.
        since: Unix time; requests that ended at this time or later count.
        ignore_paths: Paths that do not count, such as those of health checks.

    Raises:
        OSError: A log cannot be read. A log that does not exist counts as empty.
    """
    ignored = frozenset(ignore_paths)
    traffic = Traffic()
    for line in lines_since(log, since):
        request = parse(line)
        if request is not None and request.path not in ignored:
            traffic.add(request)
    return traffic


def lines_since(log: Path, since: float, end: tuple[int, int] | None = None) -> Iterator[bytes]:
    """Yield the complete lines of a log and its predecessor with requests since a given time.

    Args:
        log: See `read_traffic`.
        since: See `read_traffic`.
        end: The inode of the log and a place in it, where to end; None for its end.
    """
    with ExitStack() as stack:
        # The current log first: if the logs are rotated in between, the same one comes twice,
        # which the inode shows, and no log is missed.
        logs = [_open(stack, log), _open(stack, log.with_name(log.name + ".1"))]
        views = [LogView(stream) for stream in logs if stream is not None]
        if len(views) == 2 and (views[0].inode == views[1].inode or views[0].reaches(since)):
            views.pop()
        for view in views:
            if end is not None and view.inode[1] == end[0]:
                view.size = min(view.size, end[1])
        for view in reversed(views):
            yield from view.since(since)


def _open(stack: ExitStack, path: Path) -> BinaryIO | None:
    try:
        return stack.enter_context(path.open("rb", buffering=0))
    except FileNotFoundError:
        return None


class LogView:
    """A log with the length that it had when it was opened, whatever nginx appends meanwhile.

    Args:
        stream: The log, open for reading, unbuffered.

    Attributes:
        bytes_read: How much of it has been read.
    """

    def __init__(self, stream: BinaryIO) -> None:
        status = os.fstat(stream.fileno())
        self._stream = stream
        self.size = status.st_size
        self.inode = (status.st_dev, status.st_ino)
        self.bytes_read = 0

    def reaches(self, since: float) -> bool:
        """Return whether the log's first line is certainly older than a given time."""
        first = next(dated(self._lines(0, self.size)), None)
        return first is not None and first[1] < since - DISORDER

    def since(self, since: float) -> Iterator[bytes]:
        """Yield the complete lines of requests that ended at a given time or later."""
        lines = self._lines(self.find(since - DISORDER), self.size)
        for _offset, ended, line in dated(lines):
            if ended >= since:
                yield line

    def find(self, moment: float) -> int:
        """Return a position at the start of a line before which every line is older, by bisection.

        This is exact for lines in order of time; the caller allows for disorder.
        """
        # Lines that begin before `low` are older; those that begin at `high` or later are not.
        low, high = 0, self.size
        while high - low > BLOCK:
            middle = (low + high) // 2
            lines = self._lines(middle, high)
            next(lines, None)  # begins before the middle, most likely
            start, ended, line = next(dated(lines), (high, 0.0, b""))
            if start < high and ended < moment:
                low = start + len(line)
            else:
                high = middle
        return low

    def _lines(self, position: int, end: int) -> Iterator[tuple[int, bytes]]:
        """Yield position and text of each complete line that begins before `end`.

        The last line is not complete while nginx is still writing it.
        """
        start, rest = position, b""
        for block in self._blocks(position):
            *lines, rest = (rest + block).split(b"\n")
            for line in lines:
                if start >= end:
                    return
                yield start, line + b"\n"
                start += len(line) + 1
            if len(rest) > LONGEST_LINE:
                start, rest = start + len(rest), b""
            if start >= end:
                return

    def _blocks(self, position: int) -> Iterable[bytes]:
        while position < self.size:
            self._stream.seek(position)
            block = self._stream.read(min(BLOCK, self.size - position))
            if not block:  # cut short by somebody
                return
            self.bytes_read += len(block)
            position += len(block)
            yield block
