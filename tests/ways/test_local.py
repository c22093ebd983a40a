"""The guides' commands on a laptop, as they are typed: app/ runs, with the workers asked for."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from bench.servers import Server, all_answering, command_line, free_port, running, wait_for

UVICORN = ("uvicorn", "main:app", "--workers", "4")
UVICORN_CLASS = "uvicorn.workers.UvicornWorker"


def server(command: Sequence[str], folder: Path) -> Server:
    port = free_port()
    where = ("--bind", f"127.0.0.1:{port}") if command[0] == "gunicorn" else ("--port", str(port))
    # Of `fastapi run`, whose own default is every address of the machine.
    host = ("--host", "127.0.0.1") if command[0] == "fastapi" else ()
    return Server((*command, *host, *where), port, folder / "log")


@pytest.mark.parametrize(
    ("command", "workers"),
    [
        pytest.param(("uvicorn", "main:app"), 1, id="uvicorn"),
        pytest.param(UVICORN, 4, id="uvicorn --workers 4"),
        pytest.param(("fastapi", "dev"), 1, id="fastapi dev"),
        pytest.param(("fastapi", "dev", "main.py"), 1, id="fastapi dev main.py"),
        pytest.param(("fastapi", "run", "--workers", "4"), 4, id="fastapi run --workers 4"),
        pytest.param(
            ("gunicorn", "-k", UVICORN_CLASS, "main:app", "--workers", "4", "--no-control-socket"),
            4,
            id="gunicorn -k uvicorn.workers.UvicornWorker",
        ),
    ],
)
def test_command_answers_with_as_many_workers_as_asked_for(
    command: Sequence[str], workers: int, tmp_path: Path
) -> None:
    with running(server(command, tmp_path)) as one:
        assert wait_for(lambda: len(one.workers()) == workers, 15)
        assert all_answering(one.port, workers) == one.workers()
        one.stop()
        assert wait_for(lambda: not one.processes(), 5)


def test_grep_for_uvicorn_finds_the_parent_and_none_of_its_workers(tmp_path: Path) -> None:
    with running(server(UVICORN, tmp_path)) as one:
        assert wait_for(lambda: len(one.workers()) == 4, 15)
        assert one.process is not None
        assert "uvicorn main:app --workers 4" in command_line(one.process.pid)
        lines = [command_line(pid) for pid in one.workers()]
        assert all("multiprocessing.spawn" in line for line in lines)
        assert not any("uvicorn" in line for line in lines)
