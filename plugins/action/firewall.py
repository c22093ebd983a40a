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
        return answer | {
            "failed": True,
            "msg": f"SSH to {host} (port {answer.get('session_port')} there) did not open with the "
            f"firewall on, within {seconds} seconds: {why}. What was to be changed: "
            f"{'; '.join(answer['commands'])}",
        }

    def _prove(self, seconds: int, task_vars: dict[str, Any] | None) -> str:
        """Come back over a new connection; return why that did not work, and how it ended."""
        end = time.monotonic() + seconds + MARGIN_SECONDS
        why = ""
        while time.monotonic() < end:
            try:
                with self._new_connection():
                    kept = self._module({"state": "kept"}, task_vars)
            except AnsibleConnectionFailure as error:
                why = " ".join(str(error).split())
                display.vvv(f"no new connection yet: {why}")
                time.sleep(PAUSE_SECONDS)
                continue
            if not kept.get("failed"):
                return ""
            why = why or str(kept.get("msg"))
            if kept.get("undone"):
                return f"{why}; it was taken back by the host, which lets SSH in again"
            break
        return f"{why}; the host takes it back by itself"

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
