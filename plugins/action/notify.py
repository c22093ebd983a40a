"""Tells the targets of `fleet_notify` what happens; see the module of the same name."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any, ClassVar

from ansible import context
from ansible.errors import AnsibleError
from ansible.utils.display import Display
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.text import printable
from ansible_collections.asgi.fleet.plugins.plugin_utils.entry.actions import ControllerAction
from ansible_collections.asgi.fleet.plugins.plugin_utils.notify import repeats
from ansible_collections.asgi.fleet.plugins.plugin_utils.notify.delivery import deliver
from ansible_collections.asgi.fleet.plugins.plugin_utils.notify.events import (
    Event,
    completed,
    whoever,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.notify.targets import Audience, audience
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.upkeep import FAULT

display = Display()


class ActionModule(ControllerAction):
    """Reads the targets from the hosts' variables, so that no argument of the task has a secret."""

    options: ClassVar[dict[str, Any]] = {
        "events": {"type": "list", "elements": "dict", "default": []},
        "findings": {"type": "list", "elements": "dict"},
        "fail_on": {"type": "str", "choices": ["fault", "warning"], "default": FAULT},
    }

    def act(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return who was told of what; never fails for a target."""
        self._applications: dict[str, list[str]] = {
            app: list(known["hosts"])
            for app, known in (task_vars.get("check_judged") or {}).get("notified", {}).items()
        }
        result: dict[str, Any] = {"changed": False, "told": {}, "not_told": []}
        if self._task.check_mode or not self._applications:
            return result
        try:
            events = [completed(event, at=time.time()) for event in options["events"]]
        except ValueError as error:
            return result | {"failed": True, "msg": str(error)}
        self._tell(
            [event for event in events if event["app"] in self._applications], task_vars, result
        )
        if options["findings"] is not None:
            self._tell_findings(options["findings"], options["fail_on"], task_vars, result)
        if result["not_told"]:
            display.display(printable("\n".join(result["not_told"])))
        return result

    def _tell(self, events: list[Event], task_vars: dict[str, Any], result: dict[str, Any]) -> bool:
        """Tell the events, note in the result what was told, and return whether anybody was."""
        try:
            audiences = {event["app"]: self._audience(event, task_vars) for event in events}
        except (AnsibleError, ValueError) as error:
            # Not its message: it may repeat what a template has made of a secret.
            reason = f"not told: fleet_notify cannot be read ({type(error).__name__})"
            result["not_told"].append(reason)
            return False
        lines, reached = deliver(events, audiences)
        result["not_told"] += lines
        for event in events:
            result["told"].setdefault(event["app"], []).append(event["event"])
        return reached

    def _audience(self, event: Event, task_vars: dict[str, Any]) -> Audience:
        return audience(task_vars["hostvars"], self._applications[event["app"]])

    def _tell_findings(
        self,
        findings: list[dict[str, Any]],
        fail_on: str,
        task_vars: dict[str, Any],
        result: dict[str, Any],
    ) -> None:
        """Tell what `verify` found, of each application, if that is not what was told last."""
        failing = [one for one in findings if fail_on != FAULT or one["severity"] == FAULT]
        known = {host for hosts in self._applications.values() for host in hosts}
        for app, hosts in self._applications.items():
            # A balancer serves all of them.
            own = [one for one in failing if one["host"] in hosts or one["host"] not in known]
            path = repeats.state_file(os.environ, app, _scope(task_vars))
            event = repeats.news(repeats.load(path), own)
            if not event:
                continue
            told = completed(repeats.verified(app, event, own, hosts, whoever()), at=time.time())
            # What nobody was told is told the next time.
            if self._tell([told], task_vars, result):
                try:
                    repeats.keep(path, own)
                except OSError as error:
                    result["not_told"].append(
                        f"what was told cannot be kept in {path.parent} ({error.strerror}): "
                        "it will be told again"
                    )
        result["judged"] = True


def _scope(task_vars: Mapping[str, Any]) -> list[str]:
    """Return what is looked at: the same findings of fewer hosts are other findings."""
    sources = [os.path.abspath(one) for one in context.CLIARGS.get("inventory") or ()]
    return [*sources, str(task_vars.get("ansible_limit", ""))]
