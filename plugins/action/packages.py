"""Installs Debian packages; see the module of the same name."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase

LISTS = {"paths": ["/var/lib/apt/lists"], "patterns": ["*_Packages*"]}
#: What every installation of this collection has in common.
COMMON = {
    "install_recommends": False,
    "update_cache": True,
    # A new machine is often still busy with its own first updates.
    "lock_timeout": 300,
}
CACHE_VALID_SECONDS = 3600


class ActionModule(ActionBase):
    """Calls `ansible.builtin.apt`, and knows a host whose package lists were never fetched."""

    _supports_check_mode = True
    _supports_diff = True

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return apt's result."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, options = self.validate_argument_spec(
            argument_spec={
                "name": {"type": "list", "elements": "str", "required": True},
                "state": {"type": "str", "choices": ["present", "latest"], "default": "present"},
                "policy_rc_d": {"type": "int"},
            }
        )
        self._task_vars = task_vars or {}
        answer = self._apt(options, CACHE_VALID_SECONDS)
        if _knows_no_such_package(answer) and not self._has_lists():
            if self._task.check_mode:
                missing = "the host has no package lists yet; they are fetched outside check mode"
                return result | {"changed": True, "msg": missing}
            # A fresh image has an empty folder of lists, whose age alone says that all is well.
            answer = self._apt(options, 0)
        return result | answer

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
