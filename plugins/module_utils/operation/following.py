"""What a command prints, and how it ended: one call after the other, until there is no more.

`commands.py` starts it, and says what surrounds it.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import select
import shutil
import time
from collections.abc import Callable
from typing import Any

from ansible_collections.asgi.fleet.plugins.module_utils.application.confinement import unit_name
from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.host import confined, systemd
from ansible_collections.asgi.fleet.plugins.module_utils.host.controller import (
    ControllerGone,
    require_controller,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host.files import read_text, write_file
from ansible_collections.asgi.fleet.plugins.module_utils.operation.command_end import (
    INTERRUPTED,
    End,
    end_of,
)
from ansible_collections.asgi.fleet.plugins.module_utils.operation.commands import (
    LEASE_SECONDS,
    CommandError,
    folder_of,
    renew,
)
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.redaction import Redactor
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.text import printable

#: Seconds that one call waits for output, and the least that it takes if there is some.
LONGEST_CALL, SHORTEST_CALL = 5.0, 1.0
#: Seconds between two looks: at the controller, at the end of the command.
LOOK_SECONDS = 0.2
#: Seconds that a stopped command's end may take to be noted: SIGTERM, then SIGKILL, then that.
STOP_SECONDS = confined.STOP_SECONDS + 10
#: Bytes that the pipe holds: as much as Linux gives (pipe(7)).
PIPE_BYTES = 1024 * 1024
#: Bytes that one call returns at most, and what counts as a line if no end of it comes.
CHUNK_BYTES = 1024 * 1024
#: Characters around a cut of such a line, among which a secret may be cut.
MARGIN = 16 * 1024


def follow(application: Application, identifier: str, position: int) -> dict[str, Any]:
    """Return what a command has printed since, without secrets, and how it ended if it has.

    Args:
        application: The application.
        identifier: Of the run.
        position: How many answers the caller has had. With one less than before, it gets the last
            one again: it was lost on its way.

    Returns:
        `text`, `position`, and `end` or None.

    Raises:
        CommandError: The run is not there.
    """
    folder = folder_of(application, identifier)
    if not os.path.isdir(folder):
        raise CommandError(_lost(identifier))
    renew(folder)
    last = _read_json(f"{folder}/answer")
    if last is not None and last["position"] == position + 1:
        return last
    try:
        new, ended = _wait(application, identifier, folder)
    except FileNotFoundError:
        raise CommandError(_lost(identifier)) from None
    except ControllerGone:
        stop(application, identifier)
        raise
    rest = _read_bytes(f"{folder}/rest") + new
    text, rest = _told(rest, folder, whole=ended)
    end = _end(folder) if ended else None
    answer = {"text": text, "position": position + 1, "end": end.__dict__ if end else None}
    _write_bytes(f"{folder}/rest", rest)
    write_file(f"{folder}/answer", json.dumps(answer), 0o600)
    return answer


def stop(application: Application, identifier: str) -> End | None:
    """Stop a command, if it still runs, and return how it ended; None if it is not there."""
    folder = folder_of(application, identifier)
    if not os.path.isdir(folder):
        return None
    with contextlib.suppress(OSError):
        if not os.path.exists(f"{folder}/ended"):
            write_file(f"{folder}/reason", INTERRUPTED, 0o600)
    unit = unit_name(application.name, f"run-{identifier}")
    systemd.systemctl("stop", f"{unit}.service", check=False)
    deadline = time.monotonic() + STOP_SECONDS
    while not os.path.exists(f"{folder}/ended") and time.monotonic() < deadline:
        time.sleep(LOOK_SECONDS)
    try:
        return _end(folder)
    finally:
        forget(application, identifier)


def forget(application: Application, identifier: str) -> None:
    """Remove what is left of a run, whose last answer has arrived."""
    unit = unit_name(application.name, f"run-{identifier}-keeper")
    systemd.systemctl("stop", f"{unit}.service", check=False)
    systemd.systemctl("reset-failed", f"{unit}.service", check=False)
    shutil.rmtree(folder_of(application, identifier), ignore_errors=True)


def _wait(application: Application, identifier: str, folder: str) -> tuple[bytes, bool]:
    """Return what the command prints in the time of a call, and whether it has ended."""
    keeper = unit_name(application.name, f"run-{identifier}-keeper")
    began = time.monotonic()
    found = bytearray()
    pipe = os.open(f"{folder}/output", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        with contextlib.suppress(OSError):
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        while True:
            # In this order: after its end nothing more comes.
            ended = os.path.exists(f"{folder}/ended")
            found += _read_all(pipe, CHUNK_BYTES - len(found))
            if ended and len(found) < CHUNK_BYTES:
                return bytes(found), True
            passed = time.monotonic() - began
            if passed >= (SHORTEST_CALL if found else LONGEST_CALL) or len(found) >= CHUNK_BYTES:
                break
            require_controller()
            select.select([] if found else [pipe], [], [], LOOK_SECONDS)
        renew(folder)
    finally:
        os.close(pipe)
    if not os.path.exists(f"{folder}/ended") and systemd.show(f"{keeper}.service")[
        "ActiveState"
    ] not in ("active", "activating", "deactivating"):
        forget(application, identifier)
        raise CommandError(_lost(identifier))
    return bytes(found), False


def _lost(identifier: str) -> str:
    return (
        f"the command {identifier} is no longer on this host: it was stopped there, nobody had "
        f"asked for it for {LEASE_SECONDS} s, or the host was restarted; "
        "see what it did, and run it again if that is right"
    )


def _read_all(pipe: int, most: int) -> bytes:
    found = bytearray()
    while len(found) < most:
        try:
            block = os.read(pipe, most - len(found))
        except BlockingIOError:
            break
        if not block:
            break
        found += block
    return bytes(found)


def _told(data: bytes, folder: str, *, whole: bool) -> tuple[str, bytes]:
    """Return the whole lines of what was printed, fit to be shown, and the rest.

    A secret is found in a line. Its beginning alone would not be: so no part of a line is shown.

    Args:
        data: What was printed.
        folder: Of the run.
        whole: Whether nothing follows.
    """
    if not data:
        return "", b""
    hide = Redactor(*json.loads(read_text(f"{folder}/secrets")))
    # A progress bar goes back to the beginning of its line.
    data = re.sub(rb"\r+\n|\r+(?=[^\r\n])", b"\n", data)
    if whole:
        data = data.rstrip(b"\r")
    end = len(data) if whole else data.rfind(b"\n") + 1
    if end == 0 and len(data) > CHUNK_BYTES:
        end = _cut(data, hide)
    return printable(hide(data[:end].decode(errors="replace"))), data[end:]


def _cut(data: bytes, hide: Callable[[str], str]) -> int:
    """Return where a line without an end can be cut so that no secret is."""
    for place in range(len(data) - MARGIN, len(data) // 2, -MARGIN):
        before, after = (
            part.decode(errors="replace")
            for part in (data[place - MARGIN : place], data[place : place + MARGIN])
        )
        if hide(before + after) == hide(before) + hide(after):
            return place
    return len(data) // 2


def _end(folder: str) -> End | None:
    """Return how a command ended, by what the keeper has noted."""
    noted = _read_json(f"{folder}/ended")
    if noted is None:
        return None
    began, limit = map(float, read_text(f"{folder}/began").split())
    refusal = printable(read_text(f"{folder}/refusal")).strip()
    return end_of(noted, noted["at"] - began, limit, refusal)


def _read_json(path: str) -> dict[str, Any] | None:
    text = read_text(path)
    found: dict[str, Any] | None = json.loads(text) if text else None
    return found


def _read_bytes(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return b""


def _write_bytes(path: str, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with open(descriptor, "wb") as file:
        file.write(data)
