"""Checks the deployment's variables on the controller; see the module of the same name."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError, AnsibleUndefinedVariable
from ansible.plugins.action import ActionBase
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.examination import (
    PREFIXES,
    Examination,
    examine,
    judge,
    report,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import Problem, seen
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.spec import BY_NAME

ADDRESS = ("ansible_host", "ansible_port")
MAY_CARRY_SECRETS = ("app_env", "app_secrets", "app_source", "app_tls")


class ActionModule(ActionBase):
    """Examines one host's variables, or judges what every host's examination found."""

    _requires_connection = False
    _supports_check_mode = True
    _supports_diff = True

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return the result of one task, which never changes anything."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validation, args = self.validate_argument_spec(
            argument_spec={
                "examined": {"type": "dict"},
                "files": {"type": "bool", "default": True},
            }
        )
        result["changed"] = False
        if args["examined"] is None:
            return result | self._examine(task_vars or {}, files=args["files"])
        return result | self._judge(args["examined"])

    def _examine(self, task_vars: dict[str, Any], *, files: bool) -> dict[str, Any]:
        host_vars: dict[str, object] = {}
        unreadable: dict[str, str] = {}
        for name, value in task_vars.items():
            if not name.startswith(PREFIXES) and name not in ADDRESS:
                continue
            try:
                host_vars[name] = self._templar.template(value)
            except AnsibleError as error:
                if name in BY_NAME or name in ADDRESS:
                    unreadable[name] = _reason(name, error)
                else:
                    # Another's variable may be a template that only its own tasks can resolve.
                    host_vars[name] = None
        examination = examine(
            host_vars,
            unreadable=unreadable,
            host=task_vars["inventory_hostname"],
            read_file=self._read_file,
            files=files,
        )
        return asdict(examination)

    def _judge(self, examined: dict[str, dict[str, Any]]) -> dict[str, Any]:
        examinations = {
            host: Examination(
                deployment=found["deployment"],
                problems=[
                    Problem(problem["variable"], problem["message"])
                    for problem in found["problems"]
                ],
                machine=found["machine"],
            )
            for host, found in examined.items()
        }
        problems = judge(examinations)
        if not problems:
            return {"msg": "the variables of all hosts fit"}
        return {"failed": True, "msg": report(problems, len(examinations))}

    def _read_file(self, path: str) -> bytes:
        """Read a file of the controller, in clear also when Vault encrypted it."""
        try:
            return Path(self._loader.get_real_file(path)).read_bytes()
        except AnsibleError as error:
            raise OSError(0, str(error.message)) from error


def _reason(name: str, error: AnsibleError) -> str:
    """Return why a template failed; a filter's message may repeat the secret it was given."""
    if name in MAY_CARRY_SECRETS and not isinstance(error, AnsibleUndefinedVariable):
        return type(error).__name__
    return seen(error.message)
