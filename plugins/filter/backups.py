"""The filter that shows backups, by `plugin_utils/report/backups.py`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.asgi.fleet.plugins.plugin_utils.report import backups


class FilterModule:
    """The collection's filters of this file; each is documented in a file with its name."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"backup_lines": backups.backup_lines}
