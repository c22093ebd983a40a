"""Runs a playbook, keeps its output, and passes an interruption on to it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

#: Seconds that an interrupted rollout may take to revert what it has switched.
ORDERLY_SECONDS = 300
_ENDING = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True)
class Played:
    """How a playbook ended: its exit status, and the seconds it took."""

    status: int
    seconds: float


class Interrupted(BaseException):
    """Whoever runs the drill wants it to end."""


def play(command: Sequence[str], environment: Mapping[str, str], log: Path) -> Played:
    """Run a playbook to its end.

    When this process is told to end, the playbook is interrupted once, so that it reverts and gives
    its locks back, and then this process ends: Ansible expects no result of it any more.

    Args:
        command: Its command line.
        environment: Its environment.
        log: The file that gets what it prints.
    """
    began = time.monotonic()
    before = {number: signal.signal(number, _interrupt) for number in _ENDING}
    process = None
    try:
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(environment),
                # The terminal's Ctrl-C is passed on, and does not come twice.
                start_new_session=True,
            )
            status = process.wait()
    except Interrupted:
        if process is not None:
            _end(process)
        os._exit(1)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return Played(status, time.monotonic() - began)


def _interrupt(number: int, _frame: FrameType | None) -> None:
    # Once: a second signal must not stop what ends the playbook.
    for one in _ENDING:
        signal.signal(one, signal.SIG_IGN)
    raise Interrupted(number)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGINT)
    try:
        process.wait(ORDERLY_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
