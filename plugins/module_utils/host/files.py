"""Files that no killed run leaves half done: replaced in one step, or grown by whole lines."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from typing import Any


def write_file(path: str, text: str, mode: int) -> None:
    """Replace a file in one step: whoever reads it gets all of the old or all of the new text.

    The temporary file is new and has a name of its own, so that a link planted at a known name is
    not followed, and two writers of one file do not meet. The name starts with a dot: no `*` of a
    configuration includes it.

    Args:
        path: The file. What is there is replaced, a link included; its folder exists.
        text: The content; bytes that are no UTF-8 are written as `read_text` returned them.
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


def read_text(path: str) -> str:
    """Return the text of a file as it is, or an empty string when there is none.

    Bytes that are no UTF-8 are kept, for `write_file`, as surrogates (PEP 383).
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
        # A disk that ran full leaves a torn line, which must not cost the others.
        with contextlib.suppress(ValueError):
            lines.append(json.loads(line))
    return lines
