"""Prints lines as they are; see the module of the same name."""

from __future__ import annotations

from typing import Any, ClassVar

from ansible.utils.display import Display
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.text import printable
from ansible_collections.asgi.fleet.plugins.plugin_utils.entry.actions import ControllerAction

display = Display()


class ActionModule(ControllerAction):
    """Prints on the controller, without contacting the host."""

    options: ClassVar[dict[str, Any]] = {
        "lines": {"type": "list", "elements": "str", "required": True},
        "failure": {"type": "str", "default": ""},
    }

    def act(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return the lines that were printed."""
        del task_vars
        if options["lines"]:
            # Much of it is a host's answer, and a host may be in other hands: nothing of it may
            # steer the terminal.
            display.display(printable("\n".join(["", *options["lines"], ""])))
        if options["failure"]:
            # Without the lines, which Ansible would print again.
            later = {} if options["lines"] else {"reason_follows": True}
            return {"changed": False, "failed": True, "msg": options["failure"], **later}
        return {"changed": False, "lines": options["lines"]}
