"""Runs a module as usual, and says in one sentence why a host let nothing be run on it."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.plugins.action.normal import ActionModule as Usual
from ansible_collections.asgi.fleet.plugins.plugin_utils.entry.contact import Login, explained
from ansible_collections.asgi.fleet.plugins.plugin_utils.entry.timing import Stopwatch


class RemoteAction(Usual):
    """Ansible's own action for modules, with an explanation."""

    _supports_diff = True

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return what the module returned."""
        login = self._login(task_vars or {})
        watch = Stopwatch()
        try:
            result: dict[str, Any] = super().run(tmp, task_vars)
        except AnsibleError as error:
            told = explained(str(error), login)
            if not told:
                raise
            return {_kind(error): True, "msg": told}
        result |= watch.took()
        if not result.get("failed") or "module_stderr" not in result:
            return result
        said = f"{result['module_stderr']}\n{result.get('module_stdout', '')}"
        told = explained(said, login)
        return {"failed": True, "msg": told} if told else result

    def _login(self, task_vars: dict[str, Any]) -> Login:
        user = self._connection.get_option("remote_user") or self._play_context.remote_user
        become = self._connection.become
        return Login(
            host=str(self._task.delegate_to or task_vars.get("inventory_hostname", "the host")),
            user=str(user or "the user"),
            method=become.name.rpartition(".")[2] if become else "sudo",
            interpreter=str(task_vars.get("ansible_python_interpreter", "/usr/bin/python3")),
        )


def _kind(error: AnsibleError) -> str:
    return "unreachable" if isinstance(error, AnsibleConnectionFailure) else "failed"
