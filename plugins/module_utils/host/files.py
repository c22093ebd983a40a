"""Files that a killed run cannot leave half written: replaced at once, or grown by whole lines."""

# No AnsibleModule here, whose run_command ansible-test asks for.
# pylint: disable=ansible-bad-function

from __future__ import annotations

import contextlib
import json
import os
import stat
import subprocess
import tempfile
from typing import Any


def write_file(path: str, text: str, mode: int) -> None:
    """Replace a file in one step: every reader gets all of the old or all of the new text.

    The temporary file has a new, unique name, so that a link planted at a known name is not
    followed, and two writers of one file do not collide. The name starts with a dot: no `*` of a
    configuration includes it.

    Args:
        path: The file. An existing file or link is replaced; its folder exists.
        text: The content; bytes that are not UTF-8 are written as `read_text` returned them.
        mode: The mode, which the file has before it has its content.
    """
    folder, name = os.path.split(path)
    descriptor, temporary = tempfile.mkstemp(prefix=f".{name}.", dir=folder or ".")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape") as file:
            os.fchmod(descriptor, mode)
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def read_plain(path: str | os.PathLike[str]) -> str:
    """Return a file's text to look at; empty if there is none, or it cannot be read.

    Never waits, as a pipe of somebody else's would have the reader do.
    """
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            plain = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
            return file.read().decode(errors="replace") if plain else ""
    except OSError:
        return ""


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


def replace_link(target: str, path: str) -> None:
    """Create or replace a symbolic link in one step."""
    temporary = f"{path}.new"
    if os.path.lexists(temporary):
        os.unlink(temporary)
    os.symlink(target, temporary)
    os.replace(temporary, path)


def append_line(path: str, text: str) -> None:
    """Append a line to a file and sync it to disk; a torn line before it stays a separate line.

    Args:
        path: The file; created if missing.
        text: The line without its end.
    """
    try:
        with open(path, "ab+") as file:
            if file.tell() > 0:
                file.seek(-1, os.SEEK_END)
                # If a full disk has torn the last line, this line must not be lost with it.
                text = text if file.read(1) == b"\n" else f"\n{text}"
            file.write(f"{text}\n".encode())
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        # The error of a write does not say what was written to.
        error.filename = error.filename or path
        raise


def read_text(path: str) -> str:
    """Return the unchanged text of a file, or an empty string when there is none.

    Bytes that are not UTF-8 are kept, for `write_file`, as surrogates (PEP 383).
    """
    try:
        # Without newline="" a value with a carriage return would read as changed in every run.
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def read_json_lines(path: str) -> list[dict[str, Any]]:
    """Return the objects that `append_line` left in a file, oldest first; none if it is missing."""
    lines = []
    for line in read_text(path).splitlines():
        # A full disk leaves a torn line; the other lines must still be read.
        with contextlib.suppress(ValueError):
            lines.append(json.loads(line))
    return lines


def remove_tree(path: str) -> None:
    """Remove a folder and all that is in it, links as links, however deep somebody has nested it.

    shutil.rmtree() of the Python of many hosts calls itself for each level, and gives up at 1000:
    an application could keep its own folders from ever being removed.

    Raises:
        OSError: Something in it cannot be removed.
    """
    command = ["rm", "--recursive", "--force", "--", path]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise OSError(f"{path} cannot be removed: {result.stderr[-500:].strip()}")
