"""Whether the controller is still there, seen in what a module writes to."""

from __future__ import annotations

import os
import pty
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.host import controller

#: A module: says whether its controller is there, each time that it is asked.
MODULE = """
import sys
from ansible_collections.asgi.fleet.plugins.module_utils.host import controller
with controller.heeding_signals():
    for line in sys.stdin:
        try:
            controller.require_controller()
        except controller.ControllerGone:
            print("gone", file=sys.stderr, flush=True)
        else:
            print("there", file=sys.stderr, flush=True)
"""
COLLECTIONS = Path(__file__).resolve().parents[5] / ".ansible/collections"


class Module:
    """A module that writes its answer to a descriptor of a test, below other commands."""

    def __init__(self, output: int, *before: str) -> None:
        self.process = subprocess.Popen(
            [*before, sys.executable, "-c", MODULE],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(COLLECTIONS)},
            text=True,
            bufsize=1,
        )

    def ask(self) -> str:
        assert self.process.stdin is not None
        assert self.process.stderr is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return self.process.stderr.readline().strip()

    def end(self) -> None:
        self.process.communicate()


def pipe() -> tuple[int, int]:
    return os.pipe()


def sockets() -> tuple[int, int]:
    ours, theirs = socket.socketpair()
    return ours.detach(), theirs.detach()


@pytest.mark.parametrize(
    ("connect", "before"),
    [
        (pipe, ()),
        (sockets, ()),
        (pty.openpty, ()),
        (pipe, ("sh", "-c", '"$@"; true', "sh")),
        # As sudo with a terminal of its own: the module's output is not what the controller reads.
        (pipe, ("sh", "-c", '"$@" | cat; true', "sh")),
    ],
    ids=["pipe", "socket", "terminal", "shell", "relay"],
)
def test_controller_is_there_until_it_closes_its_end(
    connect: Callable[[], tuple[int, int]], before: tuple[str, ...]
) -> None:
    ours, theirs = connect()
    module = Module(theirs, *before)
    os.close(theirs)
    assert [module.ask(), module.ask()] == ["there", "there"]
    os.close(ours)
    assert module.ask() == "gone"
    module.end()


def test_controller_that_cannot_be_seen_is_there(tmp_path: Path) -> None:
    for path in (Path(os.devnull), tmp_path / "file"):
        with path.open("w", encoding="utf-8") as output:
            module = Module(output.fileno())
        assert module.ask() == "there"
        module.end()


def test_pipe_beyond_the_module_of_a_local_run_does_not_count() -> None:
    ours, theirs = os.pipe()
    # As `ansible-playbook --connection local | head`: its own output is not the module's.
    relay = "import subprocess, sys; subprocess.run(sys.argv[1:], stdout=subprocess.PIPE)"
    module = Module(theirs, sys.executable, "-c", relay)
    os.close(theirs)
    os.close(ours)
    assert module.ask() == "there"
    module.end()


def test_signal_to_end_is_heeded_when_the_module_looks() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with controller.heeding_signals():
        os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(controller.ControllerGone, match="nothing was switched on this host"):
            controller.require_controller()
    controller.require_controller()
    assert signal.getsignal(signal.SIGTERM) == before
