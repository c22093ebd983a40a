"""Decides, once for all hosts, whether a rollout may go on; see the module of the same name."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.asgi.fleet.plugins.plugin_utils.rollout.begin import (
    Begun,
    RefusedError,
    require_live,
    rollback_target,
    stale_locks,
)


class ActionModule(ActionBase):
    """Looks at what the hosts of a rollout told when it began."""

    _requires_connection = False
    _supports_check_mode = True
    _supports_diff = True

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return the decision; a refusal fails the task."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, args = self.validate_argument_spec(
            argument_spec={
                "require": {
                    "type": "str",
                    "choices": ["locks", "live", "rollback"],
                    "required": True,
                },
                "hosts": {"type": "list", "elements": "str", "required": True},
                "release": {"type": "str", "default": ""},
            }
        )
        hostvars = (task_vars or {})["hostvars"]
        begun: dict[str, Begun] = {host: hostvars[host]["rollout_begun"] for host in args["hosts"]}
        apps = {host: hostvars[host]["deployment"]["app_name"] for host in args["hosts"]}
        result["changed"] = False
        try:
            if args["require"] == "locks":
                return result | {"stale": stale_locks(apps, begun)}
            if args["require"] == "live":
                require_live(apps, begun)
                return result
            return result | {"release": rollback_target(begun, args["release"])}
        except RefusedError as error:
            return result | {"failed": True, "msg": str(error)}
