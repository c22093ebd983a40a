"""The filters by which hosts and builders of wheels find each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.asgi.fleet.plugins.plugin_utils.wheelhouses import plan


class FilterModule:
    """The collection's filters of this file; each is documented in a file with its name."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {
            "wheelhouse_builders": plan.wheelhouse_builders,
            "wheelhouse_plan": plan.wheelhouse_plan,
        }
