"""What a run has seen: requests, failures by kind, times, and the releases that answered."""

import json
import math
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TextIO

#: How a request can fail.
FAILURES = (
    "connect",  # no TCP connection
    "tls",  # no handshake, or TLS broke
    "reset",  # RST, or RST_STREAM, after the request was sent
    "eof",  # the connection ended before the answer did
    "timeout",
    "status_5xx",
    "status_other",
    "bad_body",  # another answer than the application gives
    "protocol",  # bytes that are no HTTP or WebSocket
    "close_code",  # a WebSocket closed with another code than a restart's
)
#: Width of the histogram's buckets, in buckets a second: 0.1 ms.
BUCKETS_PER_SECOND = 10_000


class RequestError(Exception):
    """A request failed.

    Attributes:
        kind: One of `FAILURES`.
        detail: What was seen, for a person.
    """

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind = kind
        self.detail = detail


class RefusedError(Exception):
    """The server has not processed the request, and said so: a client may safely send it again.

    RFC 9113 section 8.7: streams above the last one of a GOAWAY, and REFUSED_STREAM.
    """


@dataclass
class Seen:
    """Answers of one release from one slot; times in seconds since 1970."""

    release: str
    slot: str
    first: float
    last: float
    answers: int = 1


@dataclass
class Tally:
    """Counts what happens.

    Attributes:
        events: Gets one JSON line for each failure.
        answers: Gets a line for each HTTP answer: `answer`, when it ended (Unix time), and how many
            seconds after its request was sent. `late` lines are moments at which this process was
            late itself, and by how many seconds.
    """

    events: TextIO | None = None
    answers: TextIO | None = None
    requests: int = 0
    retryable: int = 0
    reconnects: int = 0
    ws_connections: int = 0
    ws_messages: int = 0
    ws_unanswered: int = 0
    ws_closed_properly: int = 0
    sse_streams: int = 0
    sse_events: int = 0
    sse_ended_properly: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    failed_by_client: Counter[str] = field(default_factory=Counter)
    releases: dict[tuple[str, str], Seen] = field(default_factory=dict)
    _buckets: Counter[int] = field(default_factory=Counter)
    _longest: float = 0.0

    def answered(self, seconds: float) -> None:
        """Notes how long one HTTP answer took, good or bad."""
        self._buckets[int(seconds * BUCKETS_PER_SECOND)] += 1
        self._longest = max(self._longest, seconds)
        if self.answers is not None:
            print(f"answer {time.time():.3f} {seconds:.3f}", file=self.answers)

    def late(self, seconds: float) -> None:
        """Notes that this process could not run when it wanted to."""
        if self.answers is not None:
            print(f"late {time.time():.3f} {seconds:.3f}", file=self.answers)

    def answered_by(self, release: str, slot: str) -> None:
        """Notes which release answered."""
        now = time.time()
        seen = self.releases.get((release, slot))
        if seen is None:
            self.releases[release, slot] = Seen(release, slot, now, now)
        else:
            seen.last = now
            seen.answers += 1

    def fail(self, client: str, failure: RequestError) -> None:
        """Counts a failure.

        Args:
            client: Kind and number of the client, as in `post-3`.
            failure: What happened.
        """
        self.failed[failure.kind] += 1
        self.failed_by_client[client.partition("-")[0]] += 1
        if self.events is not None:
            line = {
                "time": round(time.time(), 3),
                "kind": failure.kind,
                "client": client,
                "detail": failure.detail,
            }
            print(json.dumps(line), file=self.events, flush=True)

    def percentile_ms(self, share: float) -> float | None:
        """Returns the milliseconds within which this share of the answers came; None without any.

        The upper edge of its bucket: never better than the truth.
        """
        wanted = math.ceil(share * self._buckets.total())
        for bucket in sorted(self._buckets):
            wanted -= self._buckets[bucket]
            if wanted <= 0:
                edge = (bucket + 1) / BUCKETS_PER_SECOND
                return round(min(edge, self._longest) * 1000, 1)
        return None

    def result(self, seconds: float) -> dict[str, object]:
        """Returns the JSON line of a run that took `seconds`."""
        releases = sorted(self.releases.values(), key=lambda seen: seen.first)
        return {
            "requests": self.requests,
            "failed": self.failed.total(),
            "failed_by_kind": dict(sorted(self.failed.items())),
            "failed_by_client": dict(sorted(self.failed_by_client.items())),
            "retryable": self.retryable,
            "reconnects": self.reconnects,
            "p50_ms": self.percentile_ms(0.5),
            "p99_ms": self.percentile_ms(0.99),
            "max_ms": round(self._longest * 1000, 1) if self._buckets else None,
            "seconds": round(seconds, 1),
            "rps": round(self._buckets.total() / seconds, 1),
            "ws_connections": self.ws_connections,
            "ws_messages": self.ws_messages,
            "ws_unanswered": self.ws_unanswered,
            "ws_closed_properly": self.ws_closed_properly,
            "sse_streams": self.sse_streams,
            "sse_events": self.sse_events,
            "sse_ended_properly": self.sse_ended_properly,
            "releases": [
                {
                    "release": seen.release,
                    "slot": seen.slot,
                    "answers": seen.answers,
                    "first_seen": round(seen.first, 3),
                    "last_seen": round(seen.last, 3),
                }
                for seen in releases
            ],
        }
