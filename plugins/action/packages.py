"""Installs Debian packages; see the module of the same name."""

from __future__ import annotations

from typing import Any, ClassVar

from ansible_collections.asgi.fleet.plugins.plugin_utils.entry.actions import Action

LISTS = {"paths": ["/var/lib/apt/lists"], "patterns": ["*_Packages*"]}
#: Arguments of every installation in this collection.
COMMON = {
    "install_recommends": False,
    "update_cache": True,
    # A new machine is often still busy with its own first updates.
    "lock_timeout": 300,
}
CACHE_VALID_SECONDS = 3600


class ActionModule(Action):
    """Calls `ansible.builtin.apt`, and detects a host whose package lists were never fetched."""

    options: ClassVar[dict[str, Any]] = {
        "name": {"type": "list", "elements": "str", "required": True},
        "state": {"type": "str", "choices": ["present", "latest"], "default": "present"},
        "policy_rc_d": {"type": "int"},
    }

    def act(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return apt's result."""
        self._task_vars = task_vars
        answer = self._apt(options, CACHE_VALID_SECONDS)
        if not _knows_no_such_package(answer) or self._has_lists():
            return answer
        if self._task.check_mode:
            missing = "the host has no package lists yet; they are fetched outside check mode"
            return {"changed": True, "msg": missing}
        # A fresh image has an empty folder of lists; its age alone looks current.
        return self._apt(options, 0)

    def _apt(self, options: dict[str, Any], cache_valid_time: int) -> dict[str, Any]:
        given = {name: value for name, value in options.items() if value is not None}
        arguments = COMMON | given | {"cache_valid_time": cache_valid_time}
        return self._ask("ansible.builtin.apt", arguments)

    def _has_lists(self) -> bool:
        return bool(self._ask("ansible.builtin.find", LISTS).get("matched"))

    def _ask(self, module: str, arguments: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = self._execute_module(
            module_name=module, module_args=dict(arguments), task_vars=self._task_vars
        )
        return answer


def _knows_no_such_package(answer: dict[str, Any]) -> bool:
    return bool(answer.get("failed")) and "No package matching" in str(answer.get("msg"))
