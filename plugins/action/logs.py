"""Shows lines of the logs as they come; see the module of the same name."""

from __future__ import annotations

import os
import time
from typing import Any

from ansible.errors import AnsibleConnectionFailure
from ansible.utils.display import Display
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.text import printable
from ansible_collections.asgi.fleet.plugins.plugin_utils.entry.remote import RemoteAction
from ansible_collections.asgi.fleet.plugins.plugin_utils.operation.log_view import shown

display = Display()

MODULE = "asgi.fleet.logs"
#: Seconds that a call waits on a silent host.
WAIT_SECONDS = 10.0
RETRY_SECONDS = 5.0
#: What only concerns this plugin.
OWN_OPTIONS = ("follow", "seconds", "interval", "width")


class ActionModule(RemoteAction):
    """Calls the module once, or again and again."""

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return the module's result, without lines if they have been shown."""
        follow = str(self._task.args.get("follow", False)).lower() in ("true", "yes", "1")
        if not follow or self._task.check_mode:
            return super().run(tmp, task_vars)
        host = str((task_vars or {}).get("inventory_hostname"))
        return {"changed": False, "shown": self._follow(host, task_vars)}

    def _follow(self, host: str, task_vars: dict[str, Any] | None) -> int:
        """Show lines until the time is over, and return how many there were."""
        options = self._task.args
        parent = os.getppid()
        seconds = float(options.get("seconds") or 0)
        deadline = time.monotonic() + seconds if seconds else float("inf")
        question = {name: value for name, value in options.items() if name not in OWN_OPTIONS}
        count, silent = 0, False
        # Ansible itself may have been killed meanwhile.
        while os.getppid() == parent and (left := deadline - time.monotonic()) > 0:
            began = time.monotonic()
            question["wait"] = min(WAIT_SECONDS, left)
            answer = self._call(question, task_vars)
            if answer.get("failed") or answer.get("unreachable"):
                if not silent:
                    reason = str(answer.get("msg", "no answer")).strip()
                    display.display(printable(f"{host}: {reason}; it is asked again"))
                silent = True
                time.sleep(min(RETRY_SECONDS, max(0.0, deadline - time.monotonic())))
                continue
            if silent:
                display.display(f"{host}: answers again")
                silent = False
            question["position"] = answer["position"]
            lines = [
                shown(moment, host, text, int(options.get("width") or 0))
                for moment, _source, text in answer["lines"]
            ]
            if answer["left_out"]:
                lines.insert(
                    0, f"{host}: {answer['left_out']} lines were too many, and are left out"
                )
            if lines:
                display.display(printable("\n".join(lines)))
                count += len(lines)
            pause = float(options.get("interval", 2)) - (time.monotonic() - began)
            time.sleep(max(0.0, min(pause, deadline - time.monotonic())))
        return count

    def _call(self, question: dict[str, Any], task_vars: dict[str, Any] | None) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = self._execute_module(
                module_name=MODULE, module_args=question, task_vars=task_vars
            )
        except AnsibleConnectionFailure as error:
            return {"unreachable": True, "msg": str(error)}
        return answer
