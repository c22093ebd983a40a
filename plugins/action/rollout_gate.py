"""Decides, once for all hosts, whether a rollout may continue; see the module of the same name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, ClassVar

from ansible.utils.display import Display
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.text import printable
from ansible_collections.asgi.fleet.plugins.plugin_utils.entry.actions import ControllerAction
from ansible_collections.asgi.fleet.plugins.plugin_utils.rollout import interruption
from ansible_collections.asgi.fleet.plugins.plugin_utils.rollout.backups import gates
from ansible_collections.asgi.fleet.plugins.plugin_utils.rollout.begin import (
    Begun,
    RefusedError,
    require_live,
    rollback_target,
    stale_locks,
    unserved_lines,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.rollout.older import (
    Relation,
    Wanted,
    going_back,
    older_lines,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.rollout.waves import INTERRUPTED
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.credentials import shown
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.git import relation

display = Display()


class ActionModule(ControllerAction):
    """Checks the results of `asgi.fleet.rollout` with `state: begun` on all hosts."""

    options: ClassVar[dict[str, Any]] = {
        "require": {
            "type": "str",
            "choices": ["locks", "live", "rollback", "newer", "built", "backup"],
            "required": True,
        },
        "hosts": {"type": "list", "elements": "str", "required": True},
        "release": {"type": "str", "default": ""},
        "lines": {"type": "list", "elements": "str", "default": []},
        "unserved": {
            "type": "str",
            "choices": ["refused", "told", "ignored"],
            "default": "ignored",
        },
        "cache": {"type": "path", "default": ""},
        "allow_older": {"type": "bool", "default": False},
        "plan": {"type": "dict", "default": {}},
        "skip": {"type": "str", "default": ""},
        "who": {"type": "str", "default": ""},
    }

    def act(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return the decision; a refusal fails the task."""
        hostvars = task_vars["hostvars"]
        # In a play that goes over its hosts in batches, those of later ones have told nothing yet.
        hosts = [host for host in options["hosts"] if "rollout_begun" in hostvars[host]]
        begun: dict[str, Begun] = {host: hostvars[host]["rollout_begun"] for host in hosts}
        apps = {host: hostvars[host]["deployment"]["app_name"] for host in hosts}
        result: dict[str, Any] = {"changed": False}
        _show(options["lines"])
        if interruption.asked():
            return result | {
                "failed": True,
                "msg": f"{INTERRUPTED} by the operator (Ctrl-C) before any host was switched",
            }
        if options["require"] == "built":
            return result | _not_built([host for host in hosts if _is_refused(hostvars[host])])
        if options["require"] == "backup":
            return result | self._backups(options, hostvars)
        try:
            if options["require"] == "locks":
                stale = stale_locks(apps, begun)
                if options["unserved"] != "ignored":
                    told = unserved_lines(
                        begun,
                        goes_on=options["unserved"] == "told",
                        check_mode=self._task.check_mode,
                    )
                    _show(told)
                return result | {"stale": stale}
            if options["require"] == "live":
                require_live(apps, begun)
                return result
            if options["require"] == "newer":
                _show(_older(options, begun, hostvars))
                return result
            return result | {"release": rollback_target(begun, options["release"])}
        except RefusedError as error:
            return {"changed": False, "failed": True, "msg": str(error)}

    def _backups(
        self, options: dict[str, Any], hostvars: Mapping[str, Mapping[str, Any]]
    ) -> dict[str, Any]:
        """Show and return what is decided of the backups before the migrations."""
        found = gates(
            hostvars,
            options["plan"]["waves"],
            options["skip"],
            options["who"],
            check_mode=self._task.check_mode,
        )
        _show([gate.line for gate in found.values()])
        return {"backups": {app: asdict(gate) for app, gate in found.items()}}


def _not_built(hosts: list[str]) -> dict[str, Any]:
    if not hosts:
        return {}
    told = f"not built on {', '.join(hosts)}; the reasons are below"
    return {"failed": True, "msg": told, "reason_follows": True}


def _is_refused(variables: Mapping[str, Any]) -> bool:
    return "is_refusal" in (variables.get("python_release_result") or {})


def _older(
    options: dict[str, Any], begun: dict[str, Begun], hostvars: Mapping[str, Any]
) -> list[str]:
    """Return what is to be said of hosts that go back to an older release."""
    wanted, urls = {}, {}
    for host in begun:
        packed = hostvars[host].get("__python_release_packed") or {}
        source = hostvars[host]["deployment"]["app_source"]
        # Of several applications, only one is packed before the first is built.
        if packed.get("shown") == shown(source):
            wanted[host] = Wanted(packed["release_id"], packed["commit"], packed["shown"])
            urls[packed["shown"].get("url")] = source.get("url")

    def ask(url: str, commit: str, live: str) -> Relation:
        return relation(options["cache"], urls[url], commit, live)

    older = going_back(begun, wanted, ask)
    return older_lines(older, wanted, allowed=options["allow_older"])


def _show(lines: list[str]) -> None:
    if lines:
        # Much of it is what hosts have told: nothing of it may steer the terminal.
        display.display(printable("\n".join(["", *lines, ""])))
