"""A run ends when it should, at the rate that it should, as one command with one JSON line."""

import asyncio
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.load.options import Options
from tests.load.run import run
from tests.unit.load.servers import Load, serve_well

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def port() -> Iterator[int]:
    """A good server in a thread of its own."""
    ready = threading.Event()
    ports: list[int] = []
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        server = await asyncio.start_server(serve_well, "127.0.0.1", 0)
        ports.append(server.sockets[0].getsockname()[1])
        ready.set()

    def turn() -> None:
        loop.run_until_complete(serve())
        loop.run_forever()

    thread = threading.Thread(target=turn, daemon=True)
    thread.start()
    ready.wait(5)
    yield ports[0]
    loop.call_soon_threadsafe(loop.stop)
    thread.join()


def command(port: int, *arguments: str) -> list[str]:
    url = f"--url=http://localhost:{port}"
    mix = "--mix=get,post"
    return [sys.executable, "-m", "tests.load", url, f"--connect=127.0.0.1:{port}", mix, *arguments]


def test_rate_is_kept(load: Load) -> None:
    result = load(serve_well, "get,post", connections=8, rate=50.0, seconds=1.0)
    assert 45 <= result["requests"] <= 55


def test_file_that_appears_ends_the_run(tmp_path: Path) -> None:
    async def scenario() -> dict[str, object]:
        server = await asyncio.start_server(serve_well, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        asyncio.get_running_loop().call_later(0.3, (tmp_path / "done").touch)
        options = Options(
            urlsplit("http://localhost"),
            "127.0.0.1",
            port,
            mix=("get",),
            seconds=30,
            until_file=tmp_path / "done",
        )
        result = await run(options)
        server.close()
        return result

    result = asyncio.run(scenario())
    assert 0.2 < float(str(result["seconds"])) < 2
    assert result["failed"] == 0


def test_command_prints_one_json_line(port: int) -> None:
    done = subprocess.run(
        command(port, "--seconds=0.5", "--rate=100"),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    (line,) = done.stdout.splitlines()
    result = json.loads(line)
    assert result["failed"] == 0
    assert 25 <= result["requests"] <= 60


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_the_command_with_its_json_line(port: int, number: signal.Signals) -> None:
    with subprocess.Popen(
        command(port, "--seconds=60"), cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        time.sleep(1.5)
        process.send_signal(number)
        output, _ = process.communicate(timeout=10)
    assert process.returncode == 0
    result = json.loads(output)
    assert result["requests"] > 0
    assert result["seconds"] < 30


def test_command_refuses_a_public_address_with_status_2() -> None:
    arguments = ["--url=http://localhost", "--connect=93.184.216.34:80"]
    done = subprocess.run(
        [sys.executable, "-m", "tests.load", *arguments], cwd=ROOT, capture_output=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, b"")
