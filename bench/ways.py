"""Measures each way to run app/ on this machine: what it costs, and what it loses at a release.

    python -m bench.ways             # one JSON line for each way
    python -m bench.ways --table     # and the table of docs/ways-to-run.md at the end

One after the other, on loopback: the server is started, loaded as fast as one client goes, and then
released under a steady load of tests/load, by a restart or by SIGHUP as its way has it. The
container needs podman, and is left out with `--only`. Compare the ratios within one run.

Keys: `way`, `release` (how), `memory_mb` (of all its processes, what they share counted once),
`cpu_ms` (CPU time of all its processes for a request), `rps` and `start_seconds` (until the first
answer; both the best of some tries), `releases`, `requests` and `failed` during them,
`failed_by_kind`, `max_ms`.
"""

from __future__ import annotations

import argparse
import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench import containers
from bench.containers import ContainerError
from bench.servers import (
    APP,
    ROOT,
    Server,
    ServerError,
    all_answering,
    cpu_seconds,
    free_port,
    proportional_mb,
    running,
    wait_for,
)

WORKERS = 4
#: Seconds of load as fast as it goes, how often, and of steady load before and after a release.
FULL_SECONDS = 2.0
TRIES = 2
MARGIN_SECONDS = 1.0
#: Releases of each way, and the steady load meanwhile: requests a second on so many connections.
RELEASES = 2
RATE = 1000
CONNECTIONS = 16
#: As fast as it goes: the load generator's own limit.
FULL_RATE = 10_000
#: The load ends when it is told to; this is its limit if nobody does.
LOAD_SECONDS = 180
LOAD_TIMEOUT_SECONDS = 60.0
#: Where the settings of the container find the worker and the counting in a clone.
CLONE_PATHS = (ROOT / "roles" / "gunicorn_service" / "files", ROOT / ".ansible" / "collections")
SETTINGS = APP / "container" / "gunicorn.conf.py"
OURS = {
    "PYTHONPATH": ":".join(map(str, CLONE_PATHS)),
    "WEB_CONCURRENCY": str(WORKERS),
}
TABLE = """\
| way; released by | memory, MB | CPU a request | requests/s | first answer | failed | slowest |
|---|---|---|---|---|---|---|"""


class BenchError(Exception):
    """The bench cannot go on; the message says why."""


@dataclass(frozen=True)
class Way:
    """One way to run the application, and to release it.

    Attributes:
        name: Its name in the output.
        command: As it is typed, without an address; empty for the container.
        release: `restart`, or `HUP` for the server's own replacing of its workers.
        workers: How many it has.
        held: Whether its socket outlives it, as systemd's does.
        environment: Further variables.
    """

    name: str
    command: tuple[str, ...]
    release: str = "restart"
    workers: int = WORKERS
    held: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)


UVICORN = ("uvicorn", "main:app", "--workers", str(WORKERS), "--no-access-log")
FASTAPI = ("fastapi", "run", "--workers", str(WORKERS))
DEPRECATED = (
    *("gunicorn", "-k", "uvicorn.workers.UvicornWorker", "main:app"),
    *("--workers", str(WORKERS), "--no-control-socket"),
)
PLAIN = tuple(word.replace("uvicorn.workers", "uvicorn_worker") for word in DEPRECATED)
DRAINING = ("gunicorn", "--config", str(SETTINGS), "main:app")

WAYS = (
    Way("uvicorn, one process", ("uvicorn", "main:app", "--no-access-log"), workers=1),
    Way("uvicorn --workers 4", UVICORN),
    Way("uvicorn --workers 4", UVICORN, release="HUP"),
    Way("fastapi run --workers 4", FASTAPI),
    Way("gunicorn -k uvicorn.workers.UvicornWorker", DEPRECATED),
    Way("gunicorn -k uvicorn.workers.UvicornWorker", DEPRECATED, release="HUP"),
    Way("gunicorn -k uvicorn_worker.UvicornWorker", PLAIN),
    Way("gunicorn -k uvicorn_worker.UvicornWorker", PLAIN, release="HUP"),
    Way("Gunicorn with the draining worker, on its own port", DRAINING, environment=OURS),
    Way("Gunicorn with the draining worker, socket held", DRAINING, held=True, environment=OURS),
    Way("the container (`podman restart`)", ()),
)


def address(command: Sequence[str], port: int) -> tuple[str, ...]:
    """Return the options that have a server listen on a port of loopback."""
    if command[0] == "gunicorn":
        return ("--bind", f"127.0.0.1:{port}")
    return ("--host", "127.0.0.1", "--port", str(port))


@dataclass(frozen=True)
class Running:
    """A way that runs: where, and what can be done to it."""

    port: int
    start_seconds: float
    pids: Callable[[], Iterable[int]]
    release: Callable[[], None]


@contextmanager
def local(way: Way, folder: Path) -> Iterator[Running]:
    """Run a way's command for a while."""
    port = free_port()
    held = socket.create_server(("127.0.0.1", port), backlog=2048) if way.held else None
    server = Server(
        (*way.command, *address(way.command, port)), port, folder / "log", way.environment, held
    )

    def restart() -> None:
        server.stop()
        server.start()
        wait_for(lambda: len(server.workers()) == way.workers, LOAD_TIMEOUT_SECONDS)

    try:
        with running(server):
            first = server.start_seconds
            restart()
            release = restart if way.release == "restart" else server.replace_workers
            yield Running(
                port,
                min(first, server.start_seconds),
                server.processes,
                release,
            )
    finally:
        if held is not None:
            held.close()


@contextmanager
def contained(way: Way, _folder: Path) -> Iterator[Running]:
    """Run the container for a while."""
    image = containers.build()
    began = time.monotonic()
    with containers.container(image, [f"--env=WEB_CONCURRENCY={way.workers}"]) as one:
        seconds = time.monotonic() - began
        yield Running(one.port, seconds, one.pids, one.restart)


class Load:
    """The load generator, for a while."""

    def __init__(self, port: int, rate: int, kinds: str, folder: Path) -> None:
        self.done = folder / "done"
        self.done.unlink(missing_ok=True)
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "tests.load", f"--url=http://127.0.0.1:{port}"),
                *(f"--connect=127.0.0.1:{port}", f"--rate={rate}", f"--mix={kinds}"),
                *(f"--connections={CONNECTIONS}", f"--seconds={LOAD_SECONDS}"),
                f"--until-file={self.done}",
            ],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Load:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()

    def result(self) -> dict[str, Any]:
        """End it, and return what it has counted.

        Raises:
            BenchError: It has failed.
        """
        self.done.touch()
        output, _nothing = self.process.communicate(timeout=LOAD_TIMEOUT_SECONDS)
        if self.process.returncode:
            raise BenchError(f"the load generator has failed ({self.process.returncode})")
        counted: dict[str, Any] = json.loads(output)
        return counted


def measure(way: Way) -> dict[str, Any]:
    """Measure one way.

    Raises:
        BenchError: The load generator has failed.
        ServerError: The server has.
        ContainerError: Podman has.
    """
    with tempfile.TemporaryDirectory(prefix="asgi-fleet-ways-") as name:
        folder = Path(name)
        with (local if way.command else contained)(way, folder) as one:
            if len(all_answering(one.port, way.workers)) < way.workers:
                raise BenchError(f"{way.name}: not all of its {way.workers} workers answer")
            pids = list(one.pids())
            before, answered, rps = cpu_seconds(pids), 0, 0.0
            for _try in range(TRIES):
                with Load(one.port, FULL_RATE, "get", folder) as load:
                    time.sleep(FULL_SECONDS)
                    full = load.result()
                answered += full["requests"]
                rps = max(rps, full["rps"])
            cpu_ms = (cpu_seconds(pids) - before) / answered * 1000
            memory = proportional_mb(pids)
            with Load(one.port, RATE, "get,post", folder) as load:
                time.sleep(MARGIN_SECONDS)
                for _number in range(RELEASES):
                    one.release()
                    time.sleep(MARGIN_SECONDS)
                steady = load.result()
    return {
        "bench": "ways",
        "way": way.name,
        "release": way.release,
        "memory_mb": round(memory),
        "rps": round(rps),
        "cpu_ms": round(cpu_ms, 3),
        "start_seconds": round(one.start_seconds, 1),
        "releases": RELEASES,
        **{key: steady[key] for key in ("requests", "failed", "failed_by_kind", "max_ms")},
    }


def table(lines: Sequence[Mapping[str, Any]]) -> str:
    """Return the table of docs/ways-to-run.md: ratios to the first way."""
    first = lines[0]
    rows = [TABLE]
    for line in lines:
        memory = f"{line['memory_mb']} (x {line['memory_mb'] / first['memory_mb']:.1f})"
        rows.append(
            f"| {line['way']}; {line['release']} | {memory} "
            f"| x {line['cpu_ms'] / first['cpu_ms']:.1f} | x {line['rps'] / first['rps']:.1f} "
            f"| {line['start_seconds']:.1f} s | {line['failed']:,} of {line['requests']:,} "
            f"| {line['max_ms'] / 1000:.1f} s |"
        )
    return "\n".join(rows)


def main() -> int:
    """Parse the command line and measure.

    Returns:
        The exit status.
    """
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--table", action="store_true", help="print a Markdown table at the end")
    parser.add_argument("--only", help="measure the ways whose names contain this text")
    arguments = parser.parse_args()
    chosen = [way for way in WAYS if (arguments.only or "") in way.name]
    if not chosen:
        names = "; ".join(dict.fromkeys(way.name for way in WAYS))
        print(f"bench: --only is {arguments.only}; expected a part of one of: {names}")
        return 2
    lines = []
    for way in chosen:
        try:
            line = measure(way)
        except (BenchError, ServerError, ContainerError) as error:
            print(f"bench: {way.name}: {error}", file=sys.stderr)
            return 1
        print(json.dumps(line), flush=True)
        lines.append(line)
    if arguments.table:
        print(table(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
