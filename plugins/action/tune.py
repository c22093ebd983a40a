"""Ends a measurement when Ansible was killed; the work is done by the module of the same name."""

from __future__ import annotations

from typing import Any

from ansible_collections.asgi.fleet.plugins.plugin_utils.entry.orphaned import ending_with_parent
from ansible_collections.asgi.fleet.plugins.plugin_utils.entry.remote import RemoteAction


class ActionModule(RemoteAction):
    """Ansible's own action for modules, which does not outlive Ansible."""

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return what the module returned."""
        with ending_with_parent():
            return super().run(tmp, task_vars)
