"""The filters of playbooks/history.yml; the rules are in `plugin_utils/operation/history.py`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.asgi.fleet.plugins.plugin_utils.operation import history


class FilterModule:
    """The collection's filters of this file; each is documented in a file with its name."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {
            "fleet_history": history.fleet_history,
            "history_lines": history.history_lines,
            "history_document": history.history_document,
        }
