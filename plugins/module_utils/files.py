"""Files that no killed run leaves half done: replaced in one step, or grown by whole lines."""

from __future__ import annotations

import os


def write_file(path: str, text: str, mode: int) -> None:
    """Replace a file in one step, with its mode from the first moment."""
    temporary = f"{path}.new"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        os.fchmod(descriptor, mode)
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    os.replace(temporary, path)


def replace_link(target: str, path: str) -> None:
    """Create or replace a symbolic link in one step."""
    temporary = f"{path}.new"
    if os.path.lexists(temporary):
        os.unlink(temporary)
    os.symlink(target, temporary)
    os.replace(temporary, path)


def append_line(path: str, text: str) -> None:
    """Append a line to a file, and have it on disk; a torn line before it stays a line of its own.

    Args:
        path: the file; made if missing.
        text: the line without its end.
    """
    with open(path, "ab+") as file:
        if file.tell() > 0:
            file.seek(-1, os.SEEK_END)
            # A disk that ran full has torn the last line: this one must not be lost with it.
            text = text if file.read(1) == b"\n" else f"\n{text}"
        file.write(f"{text}\n".encode())
        file.flush()
        os.fsync(file.fileno())
