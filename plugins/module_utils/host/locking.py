"""A lock for what two processes of one host must not do at the same time.

The module of a killed run keeps working on the host until it ends: the next run waits for it
instead of working in the same folder. The kernel releases the lock when its holder dies.

flock(2) needs no more than read access, so whoever can open a lock file can hold it for ever: all
of them are in a folder that only root may enter.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager

from ansible_collections.asgi.fleet.plugins.module_utils.host.controller import require_controller

#: The folder of all locks, below the root. Not /run/lock, where everybody may make files.
FOLDER = "run/asgi-fleet"
#: Seconds between two tries.
RETRY_SECONDS = 0.2
#: Never through a link, and never inherited by a command.
CAREFULLY = os.O_NOFOLLOW | os.O_CLOEXEC


class UnsafeFolderError(Exception):
    """The folder of the locks is not root's alone; the message says what it is."""


@contextmanager
def locked(
    name: str, patience: float, busy: Exception | None = None, root: str = "/"
) -> Iterator[None]:
    """Hold a lock of this host.

    Args:
        name: The lock, such as `shop.build`; its file stays.
        patience: seconds to wait for another holder.
        busy: What to raise when another process held it all the time.
        root: "/" on a host, and a folder in tests.

    Raises:
        TimeoutError: another process held it all the time, without `busy`.
        ControllerGone: The controller left while this waited, or before.
        UnsafeFolderError: Others could hold the lock as well.
    """
    deadline = time.monotonic() + patience
    descriptor = _open(os.path.join(root, FOLDER), f"{name}.lock")
    try:
        while not _taken(descriptor):
            require_controller()
            if time.monotonic() >= deadline:
                raise (busy or TimeoutError(name)) from None
            time.sleep(RETRY_SECONDS)
        require_controller()
        yield
    finally:
        os.close(descriptor)


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _open(folder: str, name: str) -> int:
    """Open a lock file; it and its folder are made if missing.

    Raises:
        UnsafeFolderError: The folder is not one, or not root's alone.
    """
    os.makedirs(os.path.dirname(folder), mode=0o755, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        os.mkdir(folder, 0o700)
    try:
        inside = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | CAREFULLY)
    except NotADirectoryError:
        raise _unsafe(folder, "is a link or a file") from None
    try:
        found = os.fstat(inside)
        # Outside of tests, this is root.
        if found.st_uid != os.geteuid():
            raise _unsafe(folder, f"belongs to the user {found.st_uid}")
        if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise _unsafe(folder, f"has mode {stat.S_IMODE(found.st_mode):04o}")
        return os.open(name, os.O_RDWR | os.O_CREAT | CAREFULLY, 0o600, dir_fd=inside)
    finally:
        os.close(inside)


def _unsafe(folder: str, seen: str) -> UnsafeFolderError:
    return UnsafeFolderError(
        f"{folder} {seen}; expected a folder of root that nobody else may write to, because who "
        "may write there can hold up every release; see who made it, remove it, and run again"
    )
