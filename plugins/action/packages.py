"""Installs Debian packages; see the module of the same name."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from ansible_collections.asgi.fleet.plugins.plugin_utils.entry.actions import Action
from ansible_collections.asgi.fleet.plugins.plugin_utils.entry.condensing import shortened

LISTS = {"paths": ["/var/lib/apt/lists"], "patterns": ["*_Packages*"]}
#: Arguments of every installation in this collection.
COMMON = {
    "install_recommends": False,
    "update_cache": True,
    # A new machine is often still busy with its own first updates.
    "lock_timeout": 300,
}
CACHE_VALID_SECONDS = 3600
_UNKNOWN = re.compile(r"No package matching '([^']*)'")


class ActionModule(Action):
    """Calls `ansible.builtin.apt`, and detects a host whose package lists were never fetched."""

    options: ClassVar[dict[str, Any]] = {
        "name": {"type": "list", "elements": "str", "required": True},
        "state": {"type": "str", "choices": ["present", "latest"], "default": "present"},
        "policy_rc_d": {"type": "int"},
        "variable": {"type": "str", "default": ""},
    }

    def act(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return apt's result."""
        self._task_vars = task_vars
        variable = options.pop("variable")
        # What is installed needs no mirror: one that does not answer must not stop a release.
        if options["state"] == "present" and self._has_all(options):
            return {"changed": False}
        answer = self._install(options)
        unknown = _unknown_package(answer)
        answer |= shortened(answer, task_vars) if self._task.diff else {}
        return answer | {"msg": _refused(variable, unknown)} if variable and unknown else answer

    def _has_all(self, options: dict[str, Any]) -> bool:
        """Return whether nothing is missing, without asking a mirror."""
        own = self._task.check_mode
        self._task.check_mode = True
        try:
            answer = self._apt(options, update_cache=False)
        finally:
            self._task.check_mode = own
        return not answer.get("failed") and not answer.get("changed")

    def _install(self, options: dict[str, Any]) -> dict[str, Any]:
        answer = self._apt(options, cache_valid_time=CACHE_VALID_SECONDS)
        if not _unknown_package(answer) or self._has_lists():
            return answer
        if self._task.check_mode:
            missing = "the host has no package lists yet; they are fetched outside check mode"
            return {"changed": True, "msg": missing}
        # A fresh image has an empty folder of lists; its age alone looks current.
        return self._apt(options, cache_valid_time=0)

    def _apt(self, options: dict[str, Any], **further: object) -> dict[str, Any]:
        given = {name: value for name, value in options.items() if value is not None}
        return self._ask("ansible.builtin.apt", COMMON | given | further)

    def _has_lists(self) -> bool:
        return bool(self._ask("ansible.builtin.find", LISTS).get("matched"))

    def _ask(self, module: str, arguments: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = self._execute_module(
            module_name=module, module_args=dict(arguments), task_vars=self._task_vars
        )
        return answer


def _unknown_package(answer: dict[str, Any]) -> str:
    """Return the name that apt does not know, or an empty text."""
    found = _UNKNOWN.search(str(answer.get("msg"))) if answer.get("failed") else None
    return found[1] if found else ""


def _refused(variable: str, package: str) -> str:
    return (
        f"{variable} contains {package}, which apt on this host does not know; expected the name "
        f"of a package of its distribution; correct it in {variable} (`apt-cache search` on the "
        "host finds names), or add the source that has it"
    )
