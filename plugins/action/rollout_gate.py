"""Decides, once for all hosts, whether a rollout may continue; see the module of the same name."""

from __future__ import annotations

from typing import Any, ClassVar

from ansible.utils.display import Display
from ansible_collections.asgi.fleet.plugins.plugin_utils.entry.actions import ControllerAction
from ansible_collections.asgi.fleet.plugins.plugin_utils.rollout.begin import (
    Begun,
    RefusedError,
    require_live,
    rollback_target,
    stale_locks,
)

display = Display()


class ActionModule(ControllerAction):
    """Checks the results of `asgi.fleet.rollout` with `state: begun` on all hosts."""

    options: ClassVar[dict[str, Any]] = {
        "require": {
            "type": "str",
            "choices": ["locks", "live", "rollback"],
            "required": True,
        },
        "hosts": {"type": "list", "elements": "str", "required": True},
        "release": {"type": "str", "default": ""},
        "lines": {"type": "list", "elements": "str", "default": []},
    }

    def act(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return the decision; a refusal fails the task."""
        hostvars = task_vars["hostvars"]
        # In a play that goes over its hosts in batches, those of later ones have told nothing yet.
        hosts = [host for host in options["hosts"] if "rollout_begun" in hostvars[host]]
        begun: dict[str, Begun] = {host: hostvars[host]["rollout_begun"] for host in hosts}
        apps = {host: hostvars[host]["deployment"]["app_name"] for host in hosts}
        result: dict[str, Any] = {"changed": False}
        if options["lines"]:
            display.display("\n".join(["", *options["lines"], ""]))
        try:
            if options["require"] == "locks":
                return result | {"stale": stale_locks(apps, begun)}
            if options["require"] == "live":
                require_live(apps, begun)
                return result
            return result | {"release": rollback_target(begun, options["release"])}
        except RefusedError as error:
            return {"changed": False, "failed": True, "msg": str(error)}
