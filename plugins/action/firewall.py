"""Closes a host, and proves over a new connection that it still opens to the controller."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

display = Display()

MODULE = "asgi.fleet.firewall"
UNDO_SECONDS = 60
PAUSE_SECONDS = 2
#: The host's timer may be a little late, and putting the rules back takes a moment.
MARGIN_SECONDS = 15
#: Before all that users have set: the first mention of an option counts for ssh.
NEW_CONNECTION = "-o ControlMaster=no -o ControlPath=none -o ConnectTimeout=10"


class ActionModule(ActionBase):
    """Runs the module, and once more over a new connection if something has changed."""

    _supports_check_mode = True
    _supports_diff = True

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return what the module returned, failed if the host cannot be reached any more."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        answer = result | self._module(arguments, task_vars)
        if answer.get("failed") or not answer.get("undo"):
            return answer
        seconds = int(arguments.get("undo_seconds") or UNDO_SECONDS)
        why = self._prove(seconds, task_vars)
        if not why:
            return answer
        host = (task_vars or {}).get("inventory_hostname", "the host")
        port = answer.get("session_port")
        return answer | {
            "failed": True,
            "msg": f"SSH to {host}, port {port} there, did not open with the firewall on: {why}. "
            f"{self._outcome(task_vars)} Find what stands in the way (its commands: "
            f"{'; '.join(answer['commands'])})",
        }

    def _prove(self, seconds: int, task_vars: dict[str, Any] | None) -> str:
        """Come back over a new connection; return why that did not work."""
        end = time.monotonic() + seconds
        why = "no time was left"
        while time.monotonic() < end:
            try:
                with self._new_connection():
                    kept = self._module({"state": "kept"}, task_vars)
            except AnsibleConnectionFailure as error:
                why = str(error)
                display.vvv(f"no new connection yet: {why}")
                time.sleep(PAUSE_SECONDS)
                continue
            # A host that answers has decided.
            return str(kept.get("msg") or "it did not say why") if kept.get("failed") else ""
        return why

    def _outcome(self, task_vars: dict[str, Any] | None) -> str:
        """Wait until the host has taken the change back, and tell whether it has."""
        end = time.monotonic() + MARGIN_SECONDS
        while time.monotonic() < end:
            time.sleep(PAUSE_SECONDS)
            try:
                with self._new_connection():
                    kept = self._module({"state": "kept"}, task_vars)
            except AnsibleConnectionFailure:
                continue
            if not kept.get("failed"):
                return "It opened late, and the firewall stays on."
            return "The host has taken the change back, and lets SSH in again."
        return "The host takes the change back by itself; it does not answer yet."

    @contextmanager
    def _new_connection(self) -> Iterator[None]:
        """Have calls use a connection of their own, and not the one that is kept open."""
        connection = self._connection
        if connection.transport != "ssh":
            connection.reset()
            yield
            return
        before = connection.get_option("ssh_args")
        connection.set_option("ssh_args", f"{NEW_CONNECTION} {before or ''}")
        connection.close()
        try:
            yield
        finally:
            connection.set_option("ssh_args", before)
            connection.close()

    def _module(
        self, arguments: dict[str, Any], task_vars: dict[str, Any] | None
    ) -> dict[str, Any]:
        answer: dict[str, Any] = self._execute_module(
            module_name=MODULE, module_args=arguments, task_vars=task_vars
        )
        return answer
