"""A `/procesar` that blocks, under real servers: what serialises it, and what does not.

How many requests were worked on at once is told by the application, in times of a clock that all
processes share. A busy machine makes them slower; it cannot make those overlap that exclude each
other.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench.servers import Server, all_answering, answering, fetch, free_port, running, wait_for

UVICORN = ("uvicorn", "main:app")
GUNICORN = ("gunicorn", "-k", "uvicorn_worker.UvicornWorker", "main:app", "--no-control-socket")
#: Threads that FastAPI has for plain functions in each process (anyio's limit).
POOL = 40
#: What a busy machine may spoil is tried again.
TRIES = 3


@dataclass(frozen=True)
class Work:
    """One request: which process worked on it, and from when to when."""

    pid: int
    began: float
    ended: float


def serve(folder: Path, workers: int, seconds: float, *command: str) -> Server:
    """The sample with so many workers and a `/procesar` of so many seconds; not started yet."""
    command = command or UVICORN
    port = free_port()
    where = ("--bind", f"127.0.0.1:{port}") if command[0] == "gunicorn" else ("--port", str(port))
    return Server(
        (*command, "--workers", str(workers), *where),
        port,
        folder / "log",
        {"PROCESSING_SECONDS": str(seconds)},
    )


def request(port: int, form: str) -> Work:
    told = fetch(port, {"def": "/procesar", "async": "/procesar/async"}[form], 60)
    assert told["mensaje"] == "Procesado"
    return Work(told["pid"], told["began"], told["ended"])


def requests(port: int, form: str, count: int, apart: float = 0.0) -> list[Work]:
    """Send requests, one every `apart` seconds without waiting for answers; return their work."""
    with ThreadPoolExecutor(count) as pool:
        sent = []
        for _ in range(count):
            sent.append(pool.submit(request, port, form))
            time.sleep(apart)
        return [one.result() for one in sent]


def at_once(work: list[Work]) -> int:
    """Return how many requests were worked on at the busiest moment."""
    # At one moment, an end counts before a beginning.
    moments = sorted([(one.began, 1) for one in work] + [(one.ended, -1) for one in work])
    most = now = 0
    for _moment, change in moments:
        now += change
        most = max(most, now)
    return most


def test_one_worker_serialises_async_def_with_a_blocking_sleep(tmp_path: Path) -> None:
    with running(serve(tmp_path, 1, 0.2)) as one:
        assert at_once(requests(one.port, "async", 5)) == 1


def test_one_worker_serves_plain_def_from_threads(tmp_path: Path) -> None:
    with running(serve(tmp_path, 1, 1.5)) as one:
        work = requests(one.port, "def", 8)
    assert at_once(work) == 8
    assert len({one.pid for one in work}) == 1


@pytest.mark.parametrize("command", [UVICORN, GUNICORN], ids=["uvicorn", "gunicorn"])
def test_four_workers_serve_four_blocking_requests_at_once(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    with running(serve(tmp_path, 4, 1.5, *command)) as server:
        workers = all_answering(server.port, 4)
        assert len(workers) == 4
        for _try in range(TRIES):
            # One after the other: a worker that blocks accepts no second one.
            work = requests(server.port, "async", 5, apart=0.2)
            assert at_once(work) <= 4
            if at_once(work) == 4:
                break
        assert at_once(work) == 4
        assert {one.pid for one in work} == workers


def test_plain_def_waits_when_all_threads_of_the_pool_are_busy(tmp_path: Path) -> None:
    with running(serve(tmp_path, 1, 2.0)) as one:
        work = sorted(requests(one.port, "def", POOL + 1), key=lambda one: one.began)
    assert at_once(work) == POOL
    assert work[POOL].began >= min(one.ended for one in work)


@pytest.mark.parametrize(("form", "waits"), [("def", False), ("async", True)])
def test_only_a_blocked_event_loop_leaves_the_health_path_unanswered(
    tmp_path: Path, form: str, *, waits: bool
) -> None:
    with running(serve(tmp_path, 1, 2.0)) as one, ThreadPoolExecutor(1) as pool:
        for _try in range(TRIES):
            sent = pool.submit(request, one.port, form)
            time.sleep(0.4)
            asked = time.monotonic()
            fetch(one.port, "/healthz", 30)
            answered = time.monotonic()
            work = sent.result()
            if work.began < asked:
                break
    assert work.began < asked
    assert (answered >= work.ended) is waits


def test_gunicorn_replaces_a_worker_that_blocks_for_longer_than_its_timeout(tmp_path: Path) -> None:
    with running(serve(tmp_path, 1, 20, *GUNICORN, "--timeout", "2")) as one:
        (blocked,) = one.workers()
        with pytest.raises((OSError, ValueError)):
            request(one.port, "async")
        assert "WORKER TIMEOUT" in one.log.read_text(encoding="utf-8")
        assert wait_for(lambda: answering(one.port).isdisjoint({blocked}), 15)
