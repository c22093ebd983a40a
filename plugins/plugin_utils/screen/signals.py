"""SIGINT and SIGTERM of a running playbook, taken over from Ansible.

Ansible's own handlers are called in the end. What a terminal sends goes to the whole group of
processes, and Ansible's workers are forked: a handler here acts in the main process only.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import FrameType


class Signals:
    """The signals of one run.

    Args:
        ask: Called for a SIGINT. Returns whether the run was asked to end in an orderly way, so
            that it goes on for now.
        leave: Called before the process ends without its playbook having ended: gives the terminal
            back, and says what is known.
    """

    def __init__(self, ask: Callable[[], bool], leave: Callable[[], None]) -> None:
        self._ask = ask
        self._leave = leave
        self._handlers: dict[int, Any] = {}
        self._process = os.getpid()
        self._group = os.getpgrp()

    def take(self) -> None:
        """Take the signals over; a second call changes nothing."""
        for number, handler in ((signal.SIGINT, self._interrupt), (signal.SIGTERM, self._end)):
            self._handlers.setdefault(number, signal.getsignal(number))
            signal.signal(number, handler)
        atexit.register(self._leave_once)

    def give_back(self) -> None:
        """Give the signals back: the playbook has ended."""
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._handlers = {}
        atexit.unregister(self._leave_once)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        """Ask the run to end, or end it at once."""
        if os.getpid() != self._process:
            # A worker that has only just been forked. What the terminal sends to the whole group
            # is for the main process, which sends it on if it is to end.
            if os.getpgrp() != self._group:
                os._exit(1)
            return
        if not self._ask():
            self._pass_on(number, frame)

    def _end(self, number: int, frame: FrameType | None) -> None:
        """Leave before the process ends without Python knowing."""
        with contextlib.suppress(Exception):
            self._leave_once()
        self._pass_on(number, frame)

    def _pass_on(self, number: int, frame: FrameType | None) -> None:
        before = self._handlers.get(number, signal.SIG_DFL)
        if callable(before):
            before(number, frame)
        else:
            signal.signal(number, before)
            os.kill(os.getpid(), number)

    def _leave_once(self) -> None:
        if os.getpid() == self._process:
            self._leave()
