"""What each rollout left on a host: who, what, with which outcome, and what was served meanwhile.

One file for each rollout, `/var/lib/<app>/rollouts/<id>.json`. Every host has its own part, because
the next one who asks may come from another controller, and may not reach all hosts.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.host.files import read_text, write_file

#: Rollouts that a host remembers.
KEPT = 100
#: An id begins with the time of the rollout, so the names are in order of time.
NAME = re.compile(r"[0-9]{8}T[0-9]{6}-[0-9a-f]{4}\.json")


def write_record(application: Application, rollout: str, record: Mapping[str, Any]) -> None:
    """Write what a rollout left here, and remove the oldest of more than `KEPT`.

    Args:
        application: The application.
        rollout: Id of the rollout; nothing is written for one that is not of this form.
        record: What is kept.

    Raises:
        OSError: It cannot be written.
    """
    if not NAME.fullmatch(f"{rollout}.json"):
        return
    os.makedirs(application.records, mode=0o755, exist_ok=True)
    path = os.path.join(application.records, f"{rollout}.json")
    write_file(path, json.dumps(record, separators=(",", ":")) + "\n", 0o644)
    for name in _names(application)[:-KEPT]:
        with suppress(FileNotFoundError):
            os.unlink(os.path.join(application.records, name))


def records(application: Application, count: int = KEPT) -> list[dict[str, Any]]:
    """Return what the last rollouts left here, the oldest first; a torn file counts as none."""
    found: list[dict[str, Any]] = []
    for name in _names(application)[-count:]:
        with suppress(ValueError):
            record = json.loads(read_text(os.path.join(application.records, name)))
            found.append(dict(record))
    return found


def _names(application: Application) -> list[str]:
    try:
        return sorted(name for name in os.listdir(application.records) if NAME.fullmatch(name))
    except FileNotFoundError:
        return []
