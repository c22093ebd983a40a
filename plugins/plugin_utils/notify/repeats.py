"""What `verify` tells, run every hour: what is new, and that it is over, but nothing twice.

What was found the last time is kept in a file on the controller, a file for each inventory and
application.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible_collections.asgi.fleet.plugins.plugin_utils.notify.events import named

_NUMBERS = re.compile(r"\d+")


def essence(findings: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what makes findings the same an hour later.

    Numbers count for nothing: days left, percent used and process ids change, and what is wrong
    does not.
    """
    return sorted({f"{one['host']}: {_NUMBERS.sub('#', one['seen'])}" for one in findings})


def news(known: Sequence[str], findings: Sequence[Mapping[str, Any]]) -> str:
    """Return the event that these findings are, or an empty text.

    Args:
        known: The `essence` of what was told last; empty if all was well.
        findings: What fails the verification now.
    """
    present = essence(findings)
    if not present:
        return "end" if known else ""
    return "failed" if present != list(known) else ""


def verified(
    app: str, event: str, findings: Sequence[Mapping[str, Any]], hosts: Sequence[str], who: str
) -> dict[str, Any]:
    """Return the event of `verify`, for one application."""
    bad = list(dict.fromkeys(str(one["host"]) for one in findings))
    things = "1 finding" if len(findings) == 1 else f"{len(findings)} findings"
    return {
        "event": event,
        "kind": "verify",
        "app": app,
        "who": who,
        "hosts": bad or list(hosts),
        "text": f"{app}: verify found {things} on {named(bad)}"
        if findings
        else f"{app}: verify finds nothing any more, {named(hosts)} as they should be",
        "detail": [f"{one['host']}: {one['seen']}; to do: {one['todo']}" for one in findings],
    }


def state_file(environment: Mapping[str, str], app: str, scope: Sequence[str]) -> Path:
    """Return where the last findings are kept.

    Args:
        environment: Of this process (XDG Base Directory Specification: state that is not
            configuration, and stays).
        app: The application.
        scope: What was looked at: the inventories by absolute path, and `--limit`.
    """
    home = environment.get("HOME") or os.path.expanduser("~")
    base = environment.get("XDG_STATE_HOME") or f"{home}/.local/state"
    digest = hashlib.sha256("\0".join(scope).encode()).hexdigest()[:16]
    return Path(base) / "asgi.fleet" / "verify" / f"{app}-{digest}.json"


def load(path: Path) -> list[str]:
    """Return what was told last; a file that is not there, or not readable, tells nothing."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return [str(one) for one in found["findings"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def keep(path: Path, findings: Sequence[Mapping[str, Any]]) -> None:
    """Keep what was told, for this user alone.

    Raises:
        OSError: It cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.NamedTemporaryFile(
        "w", dir=path.parent, prefix=".", delete=False, encoding="utf-8"
    ) as file:
        json.dump({"schema": 1, "findings": essence(findings)}, file)
    Path(file.name).replace(path)
