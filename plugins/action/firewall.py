"""Closes a host, and proves over a new connection that it still opens to the controller."""

from __future__ import annotations

from typing import Any

from ansible_collections.asgi.fleet.plugins.plugin_utils.entry.coming_back import ComingBack

MODULE = "asgi.fleet.firewall"
UNDO_SECONDS = 60
#: Of a controller that deploys to itself, perhaps from within an SSH session.
LOCAL = "local"


class ActionModule(ComingBack):
    """Runs the module, and once more over a new connection if something has changed."""

    _supports_check_mode = True
    _supports_diff = True

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return what the module returned, failed if the host cannot be reached any more."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        if self._connection.transport == LOCAL:
            # The module would take the SSH session of whoever runs this for its own.
            arguments["undo_seconds"] = 0
        answer = result | self._module(arguments, task_vars)
        if answer.get("failed") or not answer.get("undo"):
            return answer
        seconds = int(arguments.get("undo_seconds") or UNDO_SECONDS)
        why = self.prove(seconds, lambda: self._module({"state": "kept"}, task_vars))
        if not why:
            return answer
        host = (task_vars or {}).get("inventory_hostname", "the host")
        return answer | {
            "failed": True,
            "msg": f"SSH to {host} (port {answer.get('session_port')} there) did not open with the "
            f"firewall on, within {seconds} seconds: {why}. What was to be changed: "
            f"{'; '.join(answer['commands'])}",
        }

    def _module(
        self, arguments: dict[str, Any], task_vars: dict[str, Any] | None
    ) -> dict[str, Any]:
        answer: dict[str, Any] = self._execute_module(
            module_name=MODULE, module_args=arguments, task_vars=task_vars
        )
        return answer
