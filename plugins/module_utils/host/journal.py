"""The end of a unit's journal, as far as it concerns the application."""

# No AnsibleModule here, whose run_command ansible-test asks for.
# pylint: disable=ansible-bad-function

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from typing import Any

from ansible_collections.asgi.fleet.plugins.module_utils.protocol.text import printable

#: Lines of the journal that a refusal shows.
SHOWN_LINES = 40
#: Lines that are read: a service that crashes repeatedly writes many.
READ_LINES = 1000
#: Seconds that the journal may take: a service that floods it must not hold up its replacement.
PATIENCE_SECONDS = 10
#: How a line begins that json_logs.py of the role gunicorn_service has written.
JSON_START = '{"time": "'


def matching(unit: str, since: float, pattern: str) -> list[str]:
    """Return the last lines of a unit's journal that match, without control characters.

    Args:
        unit: Name of the unit.
        since: Unix time; earlier lines are ignored.
        pattern: A regular expression (pcre2pattern(3)), whose case does not count.
    """
    try:
        entries = _entries(unit, since, f"--grep={pattern}", "--case-sensitive=no")
    except (OSError, ValueError, subprocess.SubprocessError):
        return []
    return [message_text(entry.get("MESSAGE")) for entry in entries]


def tail(unit: str, since: float) -> str:
    """Return the last relevant lines of a unit's journal, without control characters.

    Args:
        unit: Name of the unit.
        since: Unix time; earlier lines are ignored.
    """
    try:
        subprocess.run(
            ["journalctl", "--sync"], capture_output=True, check=False, timeout=PATIENCE_SECONDS
        )
        entries = _entries(unit, since)
    except subprocess.TimeoutExpired:
        return f"(the journal could not be read within {PATIENCE_SECONDS} s)"
    return "\n".join(telling(entries)[-SHOWN_LINES:])


def _entries(unit: str, since: float, *options: str) -> list[dict[str, Any]]:
    command = [
        *("journalctl", "--no-pager", "--quiet", "--output=json", "--output-fields=_PID,MESSAGE"),
        # Else a message above 4096 bytes is null, such as a traceback in one line of JSON.
        "--all",
        *(f"--lines={READ_LINES}", f"--unit={unit}", f"--since=@{int(since)}", *options),
    ]
    output = subprocess.run(
        command, capture_output=True, check=False, timeout=PATIENCE_SECONDS
    ).stdout
    # Not splitlines(): text may contain what Unicode counts as the end of a line.
    return [json.loads(line) for line in output.decode(errors="replace").split("\n") if line]


def telling(entries: Sequence[dict[str, Any]]) -> list[str]:
    """Return the messages without the tracebacks of Gunicorn's master.

    A worker that does not boot ends the master with a traceback through Gunicorn's own files. It is
    twice as long as the application's traceback and would push that out of sight.

    Args:
        entries: of journalctl(1)'s JSON, oldest first; a message that is not UTF-8 is a list of
            bytes there.
    """
    messages = [(entry.get("_PID"), message_text(entry.get("MESSAGE"))) for entry in entries]
    masters = {pid for pid, message in messages if "Starting gunicorn" in message}
    return [
        # In a line of JSON, the traceback follows the message.
        message.partition("\n")[0] if pid in masters else message
        for pid, message in messages
        if pid not in masters or message.startswith("[")
    ]


def message_text(message: object) -> str:
    """Return the message of an entry, without control characters.

    Args:
        message: As journalctl(1) gives it in JSON: a text, bytes, or a list of them.
    """
    if isinstance(message, list):
        if all(isinstance(part, int) for part in message):
            return printable(bytes(message).decode(errors="replace"))
        # Whoever writes to the journal's own socket may give one field several times.
        return "\n".join(map(message_text, message))
    text = str(message or "")
    return printable(readable(text) if text.startswith(JSON_START) else text)


def readable(line: str) -> str:
    """Return a line of JSON as people read it: level, logger, message, request, then the rest.

    Args:
        line: Of the journal; what is not of json_logs.py stays as it is.
    """
    try:
        told = json.loads(line)
        level, logger, message = (str(told[name]) for name in ("level", "logger", "message"))
        # Uvicorn ends some with a line of its own.
        message = message.rstrip()
        told["release"], told["slot"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return line
    request = f" (request {told['request_id']})" if told.get("request_id") else ""
    extra = f" {json.dumps(told['extra'], ensure_ascii=False)}" if told.get("extra") else ""
    below = [str(told[name]) for name in ("exception", "stack") if told.get(name)]
    return "\n".join([f"[{level}] {logger}: {message}{request}{extra}", *below])
