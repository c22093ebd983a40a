"""The locations of an nginx site; the rules are in `plugin_utils/inputs/site_paths.py`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.asgi.fleet.plugins.plugin_utils.entry.filters import refusing
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.site_paths import (
    site_locations,
    site_refusals,
)


class FilterModule:
    """The collection's filters of this file; each has its documentation beside it."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {
            "site_locations": refusing(site_locations),
            "site_refusals": refusing(site_refusals),
        }
