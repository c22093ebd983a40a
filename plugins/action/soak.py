"""Waits within a soak, and looks at what a host serves; see the module of the same name."""

from __future__ import annotations

import time
from typing import Any, ClassVar

from ansible_collections.asgi.fleet.plugins.plugin_utils.entry.actions import Action
from ansible_collections.asgi.fleet.plugins.plugin_utils.rollout import interruption

#: Seconds between two looks at whether the operator wants the rollout to end.
TICK = 0.2


class ActionModule(Action):
    """Waits on the controller, and then asks the host."""

    options: ClassVar[dict[str, Any]] = {
        "until": {"type": "float", "required": True},
        "end": {"type": "float", "required": True},
        "log": {"type": "path", "default": ""},
        "since": {"type": "float", "default": 0},
        "ignore_paths": {"type": "list", "elements": "str", "default": []},
    }

    def act(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return what the host has served, and how long the soak still lasts."""
        while time.time() < options["until"] and not interruption.asked():
            time.sleep(min(TICK, max(0.0, options["until"] - time.time())))
        remaining = {"remaining": round(max(0.0, options["end"] - time.time()), 1)}
        # Whoever is late, or is to end, has what follows the soak.
        if not options["log"] or interruption.asked() or remaining["remaining"] <= 0:
            return {"changed": False, **remaining}
        arguments = {name: options[name] for name in ("log", "since", "ignore_paths")}
        found: dict[str, Any] = self._execute_module(
            module_name="asgi.fleet.traffic_info", module_args=arguments, task_vars=task_vars
        )
        return found | remaining
