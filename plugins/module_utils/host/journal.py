"""The end of a unit's journal, as far as it concerns the application."""

# No AnsibleModule here, whose run_command ansible-test asks for.
# pylint: disable=ansible-bad-function

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from typing import Any

#: Lines of the journal that a refusal shows.
SHOWN_LINES = 40
#: Lines that are read: a service that crashes repeatedly writes many.
READ_LINES = 1000


def tail(unit: str, since: float) -> str:
    """Return the last relevant lines of a unit's journal.

    Args:
        unit: Name of the unit.
        since: Unix time; earlier lines are ignored.
    """
    subprocess.run(["journalctl", "--sync"], capture_output=True, check=False)
    command = [
        *("journalctl", "--no-pager", "--quiet", "--output=json", "--output-fields=_PID,MESSAGE"),
        *(f"--lines={READ_LINES}", f"--unit={unit}", f"--since=@{int(since)}"),
    ]
    output = subprocess.run(command, capture_output=True, check=False).stdout
    entries = [json.loads(line) for line in output.decode(errors="replace").splitlines()]
    return "\n".join(telling(entries)[-SHOWN_LINES:])


def telling(entries: Sequence[dict[str, Any]]) -> list[str]:
    """Return the messages without the tracebacks of Gunicorn's master.

    A worker that does not boot ends the master with a traceback through Gunicorn's own files. It is
    twice as long as the application's traceback and would push that out of sight.

    Args:
        entries: of journalctl(1)'s JSON, oldest first; a message that is not UTF-8 is a list of
            bytes there.
    """
    messages = [(entry.get("_PID"), _text(entry.get("MESSAGE"))) for entry in entries]
    masters = {pid for pid, message in messages if "Starting gunicorn" in message}
    return [message for pid, message in messages if pid not in masters or message.startswith("[")]


def _text(message: object) -> str:
    if isinstance(message, list):
        return bytes(message).decode(errors="replace")
    return str(message or "")
