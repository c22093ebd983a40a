"""How long playbooks have taken before, remembered in a small file of the controller's user."""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import tempfile
from collections.abc import Mapping
from pathlib import Path

#: Runs that are remembered of one command, and commands that are remembered.
RUNS, COMMANDS = 5, 200


def cache_file(environment: Mapping[str, str], home: Path) -> Path:
    """Return the file: in the user's cache, as the XDG Base Directory Specification has it."""
    cache = Path(environment.get("XDG_CACHE_HOME") or "")
    # A relative path is to be ignored, says the specification.
    folder = cache if cache.is_absolute() else home / ".cache"
    return folder / "asgi-fleet" / "durations.json"


def expected_seconds(file: Path, command: str) -> float:
    """Return the median of what a command has taken; 0 if that is not known."""
    taken = _read(file).get(command)
    return statistics.median(taken) if taken else 0


def remember(file: Path, command: str, seconds: float) -> None:
    """Add a run; a file that cannot be written is no reason to trouble anybody."""
    known = _read(file)
    taken = [*known.pop(command, []), round(seconds, 1)]
    known[command] = taken[-RUNS:]
    kept = dict(list(known.items())[-COMMANDS:])
    with contextlib.suppress(OSError):
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=file.name)
        with os.fdopen(descriptor, "w", encoding="utf-8") as written:
            json.dump(kept, written, indent=1)
        Path(name).replace(file)


def _read(file: Path) -> dict[str, list[float]]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(content, dict):
        return {}
    return {
        str(command): [float(one) for one in taken if isinstance(one, int | float)]
        for command, taken in content.items()
        if isinstance(taken, list)
    }
