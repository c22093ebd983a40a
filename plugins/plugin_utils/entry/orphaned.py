"""A task that takes minutes ends when Ansible was killed.

Ansible's worker is in a session of its own, so that what kills ansible-playbook, and the group of
its processes, leaves it. It would wait for its module, and the host would take the controller to be
there.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

#: Seconds between two looks.
LOOK_SECONDS = 1.0


@contextmanager
def ending_with_parent() -> Iterator[None]:
    """End this process, and its connection, as soon as its parent is gone."""
    parent = os.getppid()
    over = threading.Event()

    def watch() -> None:
        while not over.wait(LOOK_SECONDS):
            if os.getppid() != parent:
                # The connection is a process of its own; without it the host sees that we left.
                for pid in _children():
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGTERM)
                os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        over.set()


def _children() -> list[int]:
    found: list[int] = []
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(OSError):
            found += map(int, (task / "children").read_text(encoding="ascii").split())
    return found
