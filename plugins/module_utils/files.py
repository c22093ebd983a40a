"""Replacing a file or a link in one step: whoever looks sees the old one or the new one, whole."""

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
