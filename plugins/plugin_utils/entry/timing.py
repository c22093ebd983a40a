"""How long the controller waited for a host, for the timeline of a rollout."""

from __future__ import annotations

import time
from typing import Any


class Stopwatch:
    """Started when it is made."""

    def __init__(self) -> None:
        self._began = time.time()

    def took(self) -> dict[str, Any]:
        """Return what a result says of it: `took`, its beginning and its end (Unix times)."""
        return {"took": {"from": round(self._began, 3), "to": round(time.time(), 3)}}
