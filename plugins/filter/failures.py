"""The filter that tells why a task failed; the rules are in `module_utils/failures.py`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.asgi.fleet.plugins.module_utils import failures


class FilterModule:
    """The collection's filters of this file; each is documented in a file of its own name."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"failure_reason": failures.failure_reason}
