"""Whether the controller that called this module is still there.

A module outlives its connection: sshd closes its ends of the pipes, and does nothing else. So a
module that has waited looks, before it changes anything, whether anybody still reads its answer.

A connection through which that cannot be seen (that of podman, for example) counts as there.
"""

from __future__ import annotations

import os
import select
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from ansible_collections.asgi.fleet.plugins.module_utils.host.processes import name_and_parent

#: What may stand between sshd and the module. With a terminal of its own (`use_pty`), sudo reads
#: the module's answer, and only sudo's own output leads to the controller.
BETWEEN = ("sh", "ash", "dash", "bash", "ksh", "zsh", "fish", "sudo", "su", "doas", "runuser")
STANDARD_OUTPUT = 1
#: The signals of a terminal that is gone, and of whoever wants this to end.
ENDING = (signal.SIGHUP, signal.SIGTERM)

#: The signals that came while `heeding_signals`.
_told: list[int] = []


class ControllerGone(Exception):  # noqa: N818 - an outcome that is meant, with its own name
    """Nobody reads the answer any more; what was begun is undone."""


def require_controller() -> None:
    """Go on only if the controller is there.

    Raises:
        ControllerGone: It is not.
    """
    if told_to_end() or _nobody_reads():
        raise ControllerGone(
            "the controller is gone: it was interrupted, or lost its connection; nothing was "
            "switched on this host; run again"
        )


def told_to_end() -> bool:
    """Return whether a signal to end has come while `heeding_signals`."""
    return bool(_told)


@contextmanager
def heeding_signals() -> Iterator[None]:
    """Have a signal to end be seen by `require_controller`, instead of ending this on the spot."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    # A signal that is ignored stays so: nohup(1) asks for that.
    heeded = [number for number in ENDING if signal.getsignal(number) != signal.SIG_IGN]
    previous = {number: signal.signal(number, _note) for number in heeded}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
        _told.clear()


def _note(number: int, _frame: FrameType | None) -> None:
    _told.append(number)


def _nobody_reads() -> bool:
    if _is_broken(STANDARD_OUTPUT):
        return True
    pid = os.getppid()
    name, parent = name_and_parent(pid)
    while name in BETWEEN:
        if _has_broken_pipe(pid):
            return True
        pid = parent
        name, parent = name_and_parent(pid)
    return False


def _has_broken_pipe(pid: int) -> bool:
    """Tell whether a process writes its output to a pipe that nobody reads."""
    path = f"/proc/{pid}/fd/{STANDARD_OUTPUT}"
    try:
        if not os.readlink(path).startswith("pipe:"):
            return False
        descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return _is_broken(descriptor)
    finally:
        os.close(descriptor)


def _is_broken(descriptor: int) -> bool:
    poll = select.poll()
    # POLLERR (a pipe without readers) and POLLHUP (a closed socket, a terminal that is gone) are
    # always reported.
    poll.register(descriptor, 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _descriptor, event in poll.poll(0))
