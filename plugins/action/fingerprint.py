"""Has the host make a digest of each of its variables; see the module of the same name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from ansible.errors import AnsibleError
from ansible_collections.asgi.fleet.plugins.plugin_utils.entry.actions import Action
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.role_variables import role_options
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.spec import BY_NAME
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.wiring import DERIVED
from ansible_collections.asgi.fleet.plugins.plugin_utils.plan.values import as_texts

COLLECTION = Path(__file__).parents[2]


class ActionModule(Action):
    """Sends the variables that an inventory sets to the module, which only digests come from."""

    options: ClassVar[dict[str, Any]] = {"values": {"type": "str", "default": "{}"}}

    def act(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return the module's answer."""
        values = json.loads(options["values"]) | as_texts(self._given(task_vars))
        answer: dict[str, Any] = self._execute_module(
            module_name="asgi.fleet.fingerprint",
            module_args={"values": json.dumps(values)},
            task_vars=task_vars,
        )
        return answer

    def _given(self, task_vars: Mapping[str, Any]) -> dict[str, Any]:
        """Return what is set of the variables that asgi.fleet knows, without what it derives."""
        known = {*BY_NAME, *role_options(COLLECTION / "roles")}
        derived = {*task_vars.get("fleet_wired", []), *DERIVED}
        given = {}
        for name in sorted((known - derived) & task_vars.keys()):
            try:
                given[name] = self._templar.template(task_vars[name])
            except AnsibleError:
                # A template that only the role's own tasks can resolve.
                given[name] = str(task_vars[name])
        return given
