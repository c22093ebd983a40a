"""One run of the load generator."""

import asyncio
import contextlib
import signal
import time
from collections import Counter
from collections.abc import Coroutine
from typing import Any

from tests.load.options import Options
from tests.load.requests import Http1Client, Http2Client
from tests.load.session import Session
from tests.load.streams import EventStreamClient, WebSocketClient
from tests.load.tally import Tally

#: Seconds between two looks for --until-file.
LOOK_SECONDS = 0.1
#: Seconds that the last requests may take beyond their timeout.
LAST_SECONDS = 2.0
#: Seconds between two looks at the own clock, and by how many it must be late to be noted.
LATE_SECONDS = 0.01


async def run(options: Options) -> dict[str, object]:
    """Loads the server until the time is over, the file is there, or a signal comes.

    Returns:
        The JSON line.
    """
    with contextlib.ExitStack() as stack:
        events = None
        if options.events is not None:
            events = stack.enter_context(options.events.open("w", encoding="utf-8"))
        answers = None
        if options.answers is not None:
            answers = stack.enter_context(options.answers.open("w", encoding="utf-8"))
        tally = Tally(events, answers)
        session = Session(options, tally)
        began = time.monotonic()
        requests, streams = start(session)
        watch = asyncio.create_task(session.watch())
        clock = asyncio.create_task(watch_own_lateness(tally))
        ended = asyncio.create_task(wait_for_end(options))
        # A client never ends by itself: one that does has a bug, which must not look like success.
        await asyncio.wait([ended, *requests, *streams], return_when=asyncio.FIRST_COMPLETED)
        session.pace.stop()
        seconds = time.monotonic() - began
        await asyncio.wait([ended, *requests], timeout=options.timeout + LAST_SECONDS)
        for task in (watch, clock, ended, *requests, *streams):
            task.cancel()
        outcomes = await asyncio.gather(watch, *requests, *streams, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, Exception):
                raise outcome
        return tally.result(seconds)


async def watch_own_lateness(tally: Tally) -> None:
    """Notes when this process runs late: what it sees then is later than it was."""
    while True:
        before = time.monotonic()
        await asyncio.sleep(LATE_SECONDS)
        late = time.monotonic() - before - LATE_SECONDS
        if late > LATE_SECONDS:
            tally.late(late)


def start(session: Session) -> tuple[list["asyncio.Task[None]"], list["asyncio.Task[None]"]]:
    """Starts the clients: those that send short requests, and those that stay connected."""
    requests: list[asyncio.Task[None]] = []
    streams: list[asyncio.Task[None]] = []
    numbers: Counter[str] = Counter()
    for index in range(session.options.connections):
        kind = session.options.mix[index % len(session.options.mix)]
        numbers[kind] += 1
        task = asyncio.create_task(client(session, kind, numbers[kind]))
        (streams if kind in ("ws", "sse") else requests).append(task)
    return requests, streams


def client(session: Session, kind: str, number: int) -> Coroutine[Any, Any, None]:
    """Returns the run of the client number `number` of a kind."""
    name = f"{kind}-{number}"
    if kind == "ws":
        return WebSocketClient(session, name).run()
    if kind == "sse":
        http2 = session.options.url.scheme == "https" and number % 2 == 0
        return EventStreamClient(session, name, http2=http2).run()
    if kind == "h2":
        return Http2Client(session, name).run()
    return Http1Client(session, name, post=kind == "post").run()


async def wait_for_end(options: Options) -> None:
    """Waits for the end of the time, for --until-file, or for SIGTERM or SIGINT."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    deadline = loop.time() + options.seconds
    while loop.time() < deadline and not stopped.is_set():
        if options.until_file is not None and options.until_file.exists():
            return
        with contextlib.suppress(TimeoutError):
            left = max(0.0, deadline - loop.time())
            await asyncio.wait_for(stopped.wait(), min(LOOK_SECONDS, left))
