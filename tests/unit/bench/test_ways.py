"""The parts of the bench of the ways that start no server."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from bench import servers, ways


def line(**values: object) -> dict[str, object]:
    usual: dict[str, object] = {
        "way": "first",
        "release": "restart",
        "memory_mb": 40,
        "rps": 2000,
        "cpu_ms": 0.4,
        "start_seconds": 0.72,
        "requests": 12345,
        "failed": 0,
        "max_ms": 1234.5,
    }
    return usual | values


def test_table_has_ratios_to_the_first_way() -> None:
    second = line(way="second", release="HUP", memory_mb=100, rps=3000, cpu_ms=0.5, failed=7)
    assert ways.table([line(), second]).splitlines()[2:] == [
        "| first; restart | 40 (x 1.0) | x 1.0 | x 1.0 | 0.7 s | 0 of 12,345 | 1.2 s |",
        "| second; HUP | 100 (x 2.5) | x 1.2 | x 1.5 | 0.7 s | 7 of 12,345 | 1.2 s |",
    ]


def test_docs_have_the_rows_that_the_bench_prints() -> None:
    page = (servers.ROOT / "docs" / "ways-to-run.md").read_text(encoding="utf-8")
    assert ways.TABLE in page
    for way in ways.WAYS:
        assert f"\n| {way.name}; {way.release} | " in page


def test_address_is_loopback_for_every_way() -> None:
    for way in ways.WAYS:
        if way.command:
            assert "127.0.0.1" in " ".join(ways.address(way.command, 8000))


def test_unknown_way_is_refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["ways", "--only", "hypercorn"])
    assert ways.main() == 2
    assert "--only is hypercorn; expected a part of one of: uvicorn" in capsys.readouterr().out


def test_session_and_memory_of_a_process(tmp_path: Path) -> None:
    one = servers.Server(("python", "-c", "import time; time.sleep(60)"), 0, tmp_path / "log")
    one.process = subprocess.Popen([sys.executable, *one.command[1:]], start_new_session=True)
    try:
        assert servers.wait_for(lambda: one.processes() == {one.process.pid}, 5)  # type: ignore[union-attr]
        assert one.workers() == {one.process.pid}
        assert servers.proportional_mb([one.process.pid]) > 0
        assert servers.cpu_seconds([os.getpid()]) > 0
        assert "time.sleep(60)" in servers.command_line(one.process.pid)
    finally:
        one.kill()
    assert one.processes() == set()
    assert servers.session_of(str(one.process.pid)) == 0


def test_server_that_ends_is_told_with_its_last_words(tmp_path: Path) -> None:
    server = servers.Server(("python", "-c", "print('no such module')"), 1, tmp_path / "log")
    with pytest.raises(servers.ServerError, match=r"ended with status 0:\nno such module"):
        server.start()


def test_held_socket_is_handed_over_as_systemd_does(tmp_path: Path) -> None:
    said = (
        "import os; print(os.environ['LISTEN_FDS'], os.environ['LISTEN_PID'] == str(os.getpid()))"
    )
    with socket.create_server(("127.0.0.1", 0)) as held:
        server = servers.Server(("python", "-c", said), 1, tmp_path / "log", held=held)
        with pytest.raises(servers.ServerError, match="\n1 True"):
            server.start()


def test_servers_get_no_settings_from_this_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEB_CONCURRENCY", "7")
    monkeypatch.setenv("UVICORN_PORT", "1")
    variables = servers.base_environment()
    assert not {"WEB_CONCURRENCY", "UVICORN_PORT"} & set(variables)
    assert variables["HOME"] == os.environ["HOME"]
