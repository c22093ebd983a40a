"""Files in folders that an application may write to, for readers that are root.

There may be anything instead of the file that is expected: a link to a file of root, a pipe that
blocks, a gigabyte, or JSON that no parser survives.
"""

from __future__ import annotations

import errno
import json
import os
import stat
from typing import Any

#: What else than a file may have a name.
KINDS = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFLNK: "a link",
    stat.S_IFSOCK: "a socket",
    stat.S_IFDIR: "a folder",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class UntrustedError(Exception):
    """A file is not what it should be; the message names it."""


def read_json_object(base: str, *names: str, limit: int) -> dict[str, Any] | None:
    """Return the JSON object in a file; None if there is no such file.

    Args:
        base: A folder that only root may change, and whose path may contain links.
        names: The folders below it, and the file: no link is followed in them.
        limit: The largest size, in bytes.

    Raises:
        UntrustedError: It is no file, too large, or something else than a JSON object.
    """
    path = os.path.join(base, *names)
    try:
        content = _read(base, names, limit)
    except (FileNotFoundError, ProcessLookupError):
        return None
    except UntrustedError as error:
        raise UntrustedError(f"{path}: {error}") from None
    except OSError as error:
        raise UntrustedError(f"{path}: cannot be read ({error.strerror})") from None
    try:
        found = json.loads(content)
    # A deep nesting ends the parser with RecursionError.
    except (ValueError, RecursionError):
        raise UntrustedError(f"{path}: is not JSON") from None
    if not isinstance(found, dict):
        raise UntrustedError(f"{path}: is JSON, but no object")
    return found


def _read(base: str, names: tuple[str, ...], limit: int) -> bytes:
    folder = os.open(base, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for name in names[:-1]:
            inner = _open(name, folder, os.O_DIRECTORY)
            os.close(folder)
            folder = inner
        file = _open(names[-1], folder)
    finally:
        os.close(folder)
    try:
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode):
            raise UntrustedError(_is(found.st_mode))
        if found.st_size > limit:
            raise UntrustedError(f"has {found.st_size} bytes; at most {limit} are expected")
        # It may have grown since: the rest makes no JSON.
        return os.read(file, limit)
    finally:
        os.close(file)


def _open(name: str, folder: int, flags: int = 0) -> int:
    """Open what has a name in a folder, without waiting for anybody and without following it."""
    try:
        return os.open(
            name, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC | flags, dir_fd=folder
        )
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR, errno.ENXIO):
            mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
            raise UntrustedError(_is(mode)) from None
        raise


def _is(mode: int) -> str:
    return f"is {KINDS.get(stat.S_IFMT(mode), 'something else')}; a file is expected"
