"""A lock file for what two processes of one host must not do at the same time.

The module of a killed run keeps working on the host until it ends: the next run waits for it
instead of working in the same folder. The kernel releases the lock when its holder dies.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

#: Seconds between two tries.
RETRY_SECONDS = 0.2


@contextmanager
def locked(path: str, patience: float, busy: Exception | None = None) -> Iterator[None]:
    """Hold the lock at `path` (flock(2)); its folder is made if missing.

    Args:
        path: the lock file, which stays.
        patience: seconds to wait for another holder.
        busy: What to raise when another process held it all the time.

    Raises:
        TimeoutError: another process held it all the time, without `busy`.
    """
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    deadline = time.monotonic() + patience
    with open(path, "w", encoding="utf-8") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise (busy or TimeoutError(path)) from None
                time.sleep(RETRY_SECONDS)
        yield
