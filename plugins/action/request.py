"""Checks what an operator asks for, and decides for all hosts; see the module of the same name."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from ansible import context
from ansible.parsing.splitter import parse_kv
from ansible.utils.display import Display
from ansible.utils.vars import load_extra_vars
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.text import printable
from ansible_collections.asgi.fleet.plugins.plugin_utils.entry.actions import ControllerAction
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.examination import report
from ansible_collections.asgi.fleet.plugins.plugin_utils.operation.log_view import (
    cut_lines,
    footer,
    interval,
    merged,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.operation.requests import (
    CommandLine,
    enough_forks,
    history_request,
    logs_request,
    run_request,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.operation.targets import (
    Looked,
    leader,
    one_application,
    outcome,
    targets,
)

display = Display()


class ActionModule(ControllerAction):
    """Works on the controller, once for all hosts."""

    options: ClassVar[dict[str, Any]] = {
        "step": {
            "type": "str",
            "choices": ["run", "run_hosts", "run_end", "logs", "logs_lines", "history"],
            "required": True,
        },
        "hosts": {"type": "list", "elements": "str", "required": True},
        "request": {"type": "dict", "default": {}},
    }

    def act(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return what the step found; a refusal fails the task."""
        steps = {
            "run": self._run,
            "run_hosts": self._run_hosts,
            "run_end": self._run_end,
            "logs": self._logs,
            "logs_lines": self._logs_lines,
            "history": self._history,
        }
        try:
            found = steps[options["step"]](options["hosts"], options["request"], task_vars)
        except ValueError as error:
            return {"changed": False, "failed": True, "msg": str(error)}
        return {"changed": False, **found}

    def _run(
        self, hosts: list[str], _request: dict[str, Any], task_vars: dict[str, Any]
    ) -> dict[str, Any]:
        line = self._command_line()
        request = run_request(line)
        _refuse(line)
        one_application(_apps(hosts, task_vars))
        asked = hosts
        if request["on"] == "leader":
            apps = _apps(task_vars["groups"]["app"], task_vars)
            asked = [leader(apps, hosts)]
        return {"request": request, "asked": asked}

    def _run_hosts(
        self, hosts: list[str], request: dict[str, Any], task_vars: dict[str, Any]
    ) -> dict[str, Any]:
        looked = {}
        for host, told in _results(hosts, "run_look", task_vars):
            app = task_vars["hostvars"][host]["deployment"]["app_name"]
            release = told.get("release", "")
            looked[host] = Looked(app, release, "" if release else _reason(told))
        return {"hosts": targets(request["on"], looked)}

    def _run_end(
        self, hosts: list[str], request: dict[str, Any], task_vars: dict[str, Any]
    ) -> dict[str, Any]:
        ends = {
            host: {"end": told.get("end"), "reason": _reason(told)}
            for host, told in _results(hosts, "run_result", task_vars)
        }
        done = outcome(ends)
        if request["status_file"]:
            Path(request["status_file"]).write_text(f"{done.status}\n", encoding="utf-8")
        _show(["", *done.lines] if done.lines else [])
        found: dict[str, Any] = {"status": done.status}
        return {**found, "failed": True, "msg": done.failure} if done.failure else found

    def _logs(
        self, hosts: list[str], _request: dict[str, Any], _task_vars: dict[str, Any]
    ) -> dict[str, Any]:
        line = self._command_line()
        request = logs_request(line, time.time())
        _refuse(line)
        if request["follow"]:
            enough_forks(len(hosts), int(context.CLIARGS["forks"]))
        return {"request": request | {"interval": interval(len(hosts))}}

    def _logs_lines(
        self, hosts: list[str], request: dict[str, Any], task_vars: dict[str, Any]
    ) -> dict[str, Any]:
        told = dict(_results(hosts, "logs_look", task_vars))
        answers = {host: one for host, one in told.items() if "lines" in one}
        silent = {host: _reason(one) for host, one in told.items() if "lines" not in one}
        lines = merged(answers)
        after = [footer(lines, request["since"]), *cut_lines(answers, request["lines"])]
        _show(["", *lines, *filter(None, after)])
        found: dict[str, Any] = {"silent": silent}
        if silent and not (request["follow"] and answers):
            told_of = "; ".join(f"{host}: {reason}" for host, reason in silent.items())
            return {**found, "failed": True, "msg": f"lines are missing: {told_of}"}
        _show([f"{host}: {reason}" for host, reason in silent.items()])
        return found

    def _history(
        self, _hosts: list[str], _request: dict[str, Any], _task_vars: dict[str, Any]
    ) -> dict[str, Any]:
        line = self._command_line()
        request = history_request(line)
        _refuse(line)
        return {"request": request}

    def _command_line(self) -> CommandLine:
        # Templates are not resolved: a command may contain braces of its own.
        options = tuple(context.CLIARGS.get("extra_vars") or ())
        # Plain: Ansible marks them as templates, and would resolve them in the next task.
        variables = json.loads(json.dumps(load_extra_vars(self._loader), default=str))
        return CommandLine(options, variables, _parsed)


def _show(lines: list[str]) -> None:
    if lines:
        # Much of it is what hosts have told: nothing of it may steer the terminal.
        display.display(printable("\n".join(lines)))


def _parsed(text: str) -> Mapping[str, object]:
    found: dict[str, object] = parse_kv(text)
    return found


def _refuse(line: CommandLine) -> None:
    if line.problems:
        raise ValueError(report(line.problems, 1))


def _apps(hosts: list[str], task_vars: Mapping[str, Any]) -> dict[str, str]:
    """Return the application of each host.

    Of one that this run leaves out, it is what the inventory has.
    """
    hostvars = task_vars["hostvars"]
    return {
        host: (hostvars[host].get("deployment") or hostvars[host]).get("app_name", "")
        for host in hosts
    }


def _results(
    hosts: list[str], name: str, task_vars: Mapping[str, Any]
) -> Iterator[tuple[str, dict[str, Any]]]:
    for host in hosts:
        yield host, task_vars["hostvars"][host].get(name) or {"unreachable": True}


def _reason(told: Mapping[str, Any]) -> str:
    text = str(told.get("msg") or "").strip()
    if told.get("unreachable"):
        return f"unreachable: {text}" if text else "unreachable"
    return text or "no answer"
