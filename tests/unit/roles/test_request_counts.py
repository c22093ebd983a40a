"""What workers count, and how it outlives them: in files of real processes."""

# The programs of a host have no types here.
# ruff: noqa: ANN401

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

FILES = Path(__file__).resolve().parents[3] / "roles" / "gunicorn_service" / "files"

#: Counts `requests` of a route, then reports and waits for its end.
WORKER = """
import sys
sys.path.insert(0, {files!r})
import request_counts as rc
recorder = rc.Recorder({folder!r}, "blue")
recorder.begin()
for route in {routes!r}:
    recorder.count(route, "GET", 200, 20_000_000)
recorder.sample(3_000_000)
recorder.measure_memory()
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def _programs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FILES))


@pytest.fixture
def rc() -> ModuleType:
    return importlib.import_module("request_counts")


@pytest.fixture
def text() -> ModuleType:
    return importlib.import_module("metrics_text")


Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a worker that has counted one request for each route."""
    started = []

    def start_one(*routes: str) -> subprocess.Popen[str]:
        code = WORKER.format(files=str(FILES), folder=str(tmp_path), routes=routes)
        worker = subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(worker)
        assert worker.stdout
        assert worker.stdout.readline() == "ready\n"
        return worker

    yield start_one
    for worker in started:
        worker.kill()
        worker.communicate()


def kill(worker: subprocess.Popen[str]) -> None:
    worker.send_signal(signal.SIGKILL)
    worker.wait()


def requests_of(counts: Any, route: str) -> int:
    return sum(counts.routes.get(route, [0])[:48])


def test_counts_of_a_killed_worker_stay_and_its_gauges_go(
    start: Start, text: ModuleType, rc: ModuleType, tmp_path: Path
) -> None:
    first, _second = start("/a", "/b"), start("/a")
    total, alive = text.read_slot(str(tmp_path), "blue")
    assert (requests_of(total, "/a"), requests_of(total, "/b")) == (2, 1)
    assert [worker.gauges[rc.IN_FLIGHT] for worker in alive] == [1, 1]
    assert all(worker.gauges[rc.MEMORY] > 1_000_000 for worker in alive)
    assert total.ended == 0

    kill(first)
    total, alive = text.read_slot(str(tmp_path), "blue")
    assert (requests_of(total, "/a"), requests_of(total, "/b")) == (2, 1)
    assert (len(alive), total.ended) == (1, 1)


def test_what_has_ended_is_added_up_once(
    start: Start, text: ModuleType, rc: ModuleType, tmp_path: Path
) -> None:
    counting = rc.Counting(str(tmp_path), "blue", "/healthz")
    first, second, _third = start("/a"), start("/a"), start("/a")
    kill(first)
    counting.add_up()
    assert len(list(tmp_path.glob("*.counts"))) == 2
    kill(second)
    # A master that was killed between adding a file and removing it.
    [dead] = [path for path in tmp_path.glob("*.counts") if f"-{second.pid}-" in path.name]
    content = dead.read_bytes()
    counting.add_up()
    dead.write_bytes(content)
    for _again in range(2):
        total, alive = text.read_slot(str(tmp_path), "blue")
        assert (requests_of(total, "/a"), total.ended, len(alive)) == (3, 2, 1)
        counting.add_up()
    assert not dead.exists()
    assert text.read_slot(str(tmp_path), "green")[0].ended == 0


def test_master_that_was_killed_counts_none_twice_beside_others(
    start: Start, text: ModuleType, rc: ModuleType, tmp_path: Path
) -> None:
    counting = rc.Counting(str(tmp_path), "blue", "/healthz")
    kill(start("/a"))
    [dead] = tmp_path.glob("*.counts")
    # It sorts behind that of the other worker, which ended together with the master.
    behind = dead.rename(tmp_path / "blue-9-2.counts")
    content = behind.read_bytes()
    counting.add_up()
    behind.write_bytes(content)
    (tmp_path / "blue-1-1.counts").write_bytes(content)
    counting.add_up()
    total, _alive = text.read_slot(str(tmp_path), "blue")
    assert (requests_of(total, "/a"), total.ended) == (2, 2)
    assert not list(tmp_path.glob("*.counts"))


def test_umask_of_the_application_hides_no_counts(rc: ModuleType, tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        recorder = rc.Recorder(str(tmp_path), "blue")
        rc._write_ended(str(tmp_path), "blue", rc.Counts())
    finally:
        os.umask(before)
    assert recorder.words[0] == rc.MAGIC
    # The endpoint is of the application's group.
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o640}


@pytest.mark.parametrize(
    "wrong",
    [
        '"ended": Infinity',
        '"ended": -1',
        '"ended": 1e300',
        '"counters": [NaN]',
        '"counters": [Infinity]',
        '"routes": []',
    ],
)
def test_sum_that_is_none_counts_nothing(
    rc: ModuleType, text: ModuleType, tmp_path: Path, wrong: str
) -> None:
    told = {"last": "", "ended": 0, "counters": [0] * rc.COUNTERS, "routes": {}}
    name, _colon, value = wrong.partition(": ")
    told[name.strip('"')] = "here"
    if value.startswith("[") and value != "[]":
        told["counters"] = ["here", *[0] * (rc.COUNTERS - 1)]
        value = value.strip("[]")
    (tmp_path / "blue.ended").write_text(json.dumps(told).replace('"here"', value))
    assert text.read_slot(str(tmp_path), "blue")[0] == rc.Counts()


def test_reader_begins_again_while_files_are_added_up(
    start: Start, text: ModuleType, rc: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kill(start("/a"))
    listing = rc.files_of

    def and_then_it_is_added(directory: str, slot: str) -> Any:
        found = listing(directory, slot)
        monkeypatch.setattr(rc, "files_of", listing)
        rc.Counting(directory, slot, "/healthz").add_up()
        return found

    monkeypatch.setattr(rc, "files_of", and_then_it_is_added)
    total, _alive = text.read_slot(str(tmp_path), "blue")
    assert (requests_of(total, "/a"), total.ended) == (1, 1)


def test_routes_beyond_the_most_count_as_other(
    start: Start, text: ModuleType, rc: ModuleType, tmp_path: Path
) -> None:
    start(*(f"/{number}" for number in range(rc.MOST_ROUTES + 5)))
    total, _alive = text.read_slot(str(tmp_path), "blue")
    assert len(total.routes) == rc.MOST_ROUTES
    # `other` has a place of its own from the start.
    assert requests_of(total, "other") == 6


@pytest.mark.parametrize(
    "content", [b"", b"x" * 100, b"\0" * 39624, b"\xff" * 39624], ids=["none", "short", "0", "1"]
)
def test_what_is_no_workers_is_not_read(
    start: Start, text: ModuleType, tmp_path: Path, content: bytes
) -> None:
    start("/a")
    (tmp_path / "blue-1-1.counts").write_bytes(content)
    (tmp_path / "blue-2-1.counts").symlink_to("/etc/passwd")
    os.mkfifo(tmp_path / "blue-3-1.counts")
    (tmp_path / "blue.ended").write_text(json.dumps({"counters": [-1], "routes": 3}))
    total, alive = text.read_slot(str(tmp_path), "blue")
    assert (requests_of(total, "/a"), total.ended, len(alive)) == (1, 0, 1)


# What is counted of a request

Answer = list[dict[str, Any]]
START = {"type": "http.response.start", "status": 201, "headers": []}
BODY = {"type": "http.response.body", "body": b""}


def serve(rc: ModuleType, application: Any, folder: Path, **scope: Any) -> tuple[Any, Any]:
    """Serve one request, and return the counts and the recorder."""

    async def send(message: object) -> None:
        """Nobody is there."""

    async def run() -> Any:
        counted = rc.Counting(str(folder), "blue", "/healthz").begin(application)
        full = {"type": "http", "method": "GET", "path": "/x", "headers": [], **scope}
        with contextlib.suppress(ValueError):
            await counted(full, None, send)
        return counted.recorder

    recorder = asyncio.run(run())
    [path] = folder.glob("*.counts")
    worker = rc.read_worker(str(path))
    return worker.counts, recorder


def seen(rc: ModuleType, counts: Any) -> list[tuple[str, str, str]]:
    return [
        (route, rc.METHODS[number // 6], rc.STATUSES[number % 6])
        for route, counters in counts.routes.items()
        for number, count in enumerate(counters[: rc.REQUESTS])
        for _ in range(count)
    ]


class Route:
    """As FastAPI leaves it."""

    path = "/items/{id}"


async def answers(scope: Any, _receive: Any, send: Callable[[Any], Awaitable[None]]) -> None:
    scope["route"] = Route()
    await send(START)
    await send({**BODY, "more_body": True})
    await send(BODY)


async def fails(_scope: Any, _receive: Any, _send: Any) -> None:
    raise ValueError("at work")


async def leaves(_scope: Any, _receive: Any, _send: Any) -> None:
    """The client has gone."""


@pytest.mark.parametrize(
    ("application", "scope", "expected"),
    [
        (answers, {"method": "POST"}, [("/items/{id}", "POST", "2xx")]),
        (answers, {"method": "BREW"}, [("/items/{id}", "other", "2xx")]),
        (fails, {}, [("other", "GET", "5xx")]),
        (leaves, {}, [("other", "GET", "none")]),
        (answers, {"path": "/healthz"}, [("/items/{id}", "GET", "2xx")]),
        (answers, {"path": "/healthz", "headers": [(b"user-agent", b"asgi-fleet-worker")]}, []),
    ],
)
def test_request_counts_by_route_method_and_status(
    rc: ModuleType, tmp_path: Path, application: Any, scope: dict[str, Any], expected: Any
) -> None:
    counts, recorder = serve(rc, application, tmp_path, **scope)
    assert seen(rc, counts) == expected
    assert recorder.words[rc.IN_FLIGHT] == 0


def test_request_is_in_flight_until_its_last_byte_and_no_longer(
    rc: ModuleType, tmp_path: Path
) -> None:
    words: list[Any] = []

    async def application(_scope: Any, _receive: Any, send: Callable[[Any], Any]) -> None:
        [path] = tmp_path.glob("*.counts")
        await send(START)
        words.append(rc.read_worker(str(path)).gauges[rc.IN_FLIGHT])
        await send(BODY)
        # A background task.
        words.append(rc.read_worker(str(path)).gauges[rc.IN_FLIGHT])

    serve(rc, application, tmp_path)
    assert words == [1, 0]


def test_worker_that_cannot_count_serves(rc: ModuleType, tmp_path: Path) -> None:
    async def run() -> Any:
        return rc.Counting(str(tmp_path / "gone"), "blue", "/healthz").begin(answers)

    assert asyncio.run(run()) is answers


# The text


def test_text_has_what_the_table_says(text: ModuleType, start: Start, tmp_path: Path) -> None:
    start('/a"\\\n')
    samples = text.Samples("shop")
    text.add_slot(samples, "blue", *text.read_slot(str(tmp_path), "blue"))
    lines = samples.text().splitlines()
    assert (
        'asgi_fleet_requests_total{app="shop",slot="blue",route="/a\\"\\\\\\n",method="GET",'
        'status="2xx"} 1'
    ) in lines
    bucket = 'asgi_fleet_request_duration_seconds_bucket{app="shop",slot="blue",route="other",le='
    assert f'{bucket}"+Inf"}} 0' in lines
    assert 'asgi_fleet_workers{app="shop",slot="blue"} 1' in lines
    named = {metric.name: metric for metric in text.METRICS}
    for name, found in samples.found.items():
        for _suffix, labels, _value in found:
            keys = [key for key, _value in labels if key not in ("app", "le")]
            assert keys == list(named[name].labels), name
