"""Installs Debian packages; see the module of the same name."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from ansible_collections.asgi.fleet.plugins.module_utils.protocol.packages import out_of_reach
from ansible_collections.asgi.fleet.plugins.plugin_utils.entry.actions import Action
from ansible_collections.asgi.fleet.plugins.plugin_utils.entry.condensing import shortened

#: Arguments of every installation in this collection.
COMMON = {
    "install_recommends": False,
    # The module has fetched the lists, as far as that is possible.
    "update_cache": False,
    # Between the module's look and apt's own, somebody else may begin.
    "lock_timeout": 300,
}
#: What apt is told for each state.
STATES: dict[str, dict[str, Any]] = {
    "present": {"state": "present"},
    "latest": {"state": "latest"},
    "newer": {"state": "latest", "only_upgrade": True},
    "upgraded": {"upgrade": "safe", "force_apt_get": True},
}
#: needrestart, which Ubuntu installs, restarts what runs on old libraries: under load, and at once.
#: The next run of apt makes up for it, and playbooks/patch.yml restarts what carries requests.
ENVIRONMENT = {"NEEDRESTART_SUSPEND": "asgi.fleet", "DEBIAN_FRONTEND": "noninteractive"}
_UNKNOWN = re.compile(r"No package matching '([^']*)'")


class ActionModule(Action):
    """Makes apt ready by the module of this name, and calls `ansible.builtin.apt` if needed."""

    options: ClassVar[dict[str, Any]] = {
        "name": {"type": "list", "elements": "str", "default": []},
        "state": {"type": "str", "choices": list(STATES), "default": "present"},
        "policy_rc_d": {"type": "int"},
        "variable": {"type": "str", "default": ""},
        "wait_seconds": {"type": "int", "default": 300},
    }

    def act(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return apt's result."""
        self._task_vars = task_vars
        ready = self._ask("asgi.fleet.packages", options)
        # What is installed needs no mirror: one that does not answer must not stop a release.
        if ready.get("failed") or (options["state"] == "present" and not ready["missing"]):
            return ready
        self._task.environment = [*(self._task.environment or []), ENVIRONMENT]
        answer = self._ask("ansible.builtin.apt", COMMON | _asked_of_apt(options))
        told = {key: ready[key] for key in ("missing", "waited_for") if ready.get(key)}
        warnings = [*(ready.get("warnings") or []), *(answer.get("warnings") or [])]
        answer |= told | ({"warnings": warnings} if warnings else {})
        if self._task.check_mode and _lacks_bindings(answer):
            return {
                "changed": True,
                "msg": "the host has no python3-apt yet; apt installs it first",
            }
        if unreached := _unreached(answer, ready["missing"] or options["name"]):
            return {"failed": True, "msg": unreached, **told}
        unknown = _unknown_package(answer)
        answer |= shortened(answer, task_vars) if self._task.diff else {}
        if unknown and self._task.check_mode and not ready["has_lists"]:
            missing = "the host has no package lists yet; they are fetched outside check mode"
            return {"changed": True, "msg": missing}
        variable = options["variable"]
        return answer | {"msg": _refused(variable, unknown)} if variable and unknown else answer

    def _ask(self, module: str, arguments: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = self._execute_module(
            module_name=module, module_args=dict(arguments), task_vars=self._task_vars
        )
        return answer


def _asked_of_apt(options: dict[str, Any]) -> dict[str, Any]:
    further = {name: options[name] for name in ("name", "policy_rc_d") if options[name]}
    return STATES[options["state"]] | further


def _lacks_bindings(answer: dict[str, Any]) -> bool:
    """Return whether apt's module only needs what it installs by itself outside check mode."""
    return bool(answer.get("failed")) and "python3-apt must be installed" in str(answer.get("msg"))


def _unreached(answer: dict[str, Any], names: list[str]) -> str:
    """Return what to do if no source of packages was reached, or an empty text."""
    said = "\n".join(str(answer.get(key) or "") for key in ("stderr", "stdout", "msg"))
    return out_of_reach(names, said) if answer.get("failed") else ""


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
