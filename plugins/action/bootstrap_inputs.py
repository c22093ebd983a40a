"""Checks the variables of bootstrap.yml on the controller; see the module of the same name."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from ansible import context
from ansible.release import __version__ as ansible_version
from ansible.utils.display import Display
from ansible.utils.vars import load_extra_vars
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.controller import too_old
from ansible_collections.asgi.fleet.plugins.plugin_utils.entry.actions import ControllerAction
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.bootstrap import (
    Checked,
    Controller,
    advice,
    checked,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.examination import report
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import Problem

display = Display()


class ActionModule(ControllerAction):
    """Refuses what is wrong for any host, or returns what each is bootstrapped with."""

    options: ClassVar[dict[str, Any]] = {
        "hosts": {"type": "list", "elements": "str", "required": True},
    }

    def act(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return the checked variables by host; changes nothing."""
        if reason := too_old(ansible_version):
            return {"failed": True, "msg": reason}
        controller = Controller(
            home=Path("~").expanduser(),
            read=lambda path: self.read_file(str(path)).decode(),
            extra=frozenset(load_extra_vars(self._loader)),
            remote_user=str(context.CLIARGS.get("remote_user") or ""),
        )
        found: dict[str, Checked] = {}
        users: dict[str, Any] = {}
        for host in options["hosts"]:
            host_vars = task_vars["hostvars"][host]
            base = Path(host_vars.get("inventory_dir") or Path.cwd())
            found[host] = checked(host_vars, base, controller)
            users[host] = host_vars.get("ansible_user")
        problems = _with_hosts(found)
        if problems:
            told = report(problems, len(found))
            display.display(f"\n{told}\n")
            # Of a failure, Ansible prints the message twice.
            return {"failed": True, "msg": f"{told.partition(';')[0]}, see above"}
        given: list[str] = list(context.CLIARGS.get("inventory") or ())
        inventory = _shown(given[0]) if len(given) == 1 else ""
        return {
            "changed": False,
            "of": {
                host: {
                    "user": one.user,
                    "login": one.login,
                    "keys": one.keys,
                    "close_root": one.close_root,
                    "close_passwords": one.close_passwords,
                }
                for host, one in found.items()
            },
            "lines": sorted(
                {f"keys for {one.user}: {', '.join(one.names)}" for one in found.values()}
            ),
            "advice": advice(found, users, inventory),
        }


def _with_hosts(found: dict[str, Checked]) -> list[Problem]:
    """Return each problem once, with the hosts that have it."""
    hosts_of: dict[str, tuple[str, list[str]]] = {}
    for host, one in found.items():
        for problem in one.problems:
            hosts_of.setdefault(problem.message, (problem.variable, []))[1].append(host)
    return [
        Problem(variable, message, tuple(hosts)) for message, (variable, hosts) in hosts_of.items()
    ]


def _shown(inventory: str) -> str:
    """Return an inventory as it may be typed: Ansible makes its path absolute."""
    try:
        return str(Path(inventory).relative_to(Path.cwd()))
    except ValueError:
        return inventory
