"""Ends a rollout on the controller: tells, keeps and judges it; see the module of the same name."""

from __future__ import annotations

import json
import os
import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from ansible import context
from ansible_collections.asgi.fleet.plugins.plugin_utils.entry.actions import ControllerAction
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.folder import report_folder
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.page import page
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.receipt_text import receipt_lines
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.record import Record
from ansible_collections.asgi.fleet.plugins.plugin_utils.rollout.account import Told, make_record
from ansible_collections.asgi.fleet.plugins.plugin_utils.rollout.waves import RolloutPlan

#: What `fleet_report_directory` says where nothing is to be written.
NOWHERE = "none"


class ActionModule(ControllerAction):
    """Contacts no host: they have told everything before."""

    options: ClassVar[dict[str, Any]] = {
        "id": {"type": "str", "required": True},
        "kind": {
            "type": "str",
            "choices": ["", "release", "rollback", "restart", "scale", "patch"],
            "default": "",
        },
        "who": {"type": "str", "required": True},
        "plan": {"type": "dict", "required": True},
        "progress": {"type": "dict", "default": {}},
        "ended": {"type": "dict", "default": {}},
        "early": {"type": "bool", "default": False},
        "lines": {"type": "list", "elements": "str", "default": []},
        "failure": {"type": "str", "default": ""},
        "directory": {"type": "str", "default": ""},
    }

    def act(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return the record, where the page is, and why the run is to fail."""
        plan: RolloutPlan = options["plan"]
        hostvars: Mapping[str, Mapping[str, Any]] = task_vars["hostvars"]
        lines, failure = list(options["lines"]), str(options["failure"])
        # Of what ended before it had begun, or is no rollout, there is nothing to keep.
        if self._task.check_mode or not options["kind"] or not plan.get("order"):
            return _result(failure, lines)
        told = Told(
            id=options["id"],
            kind=options["kind"],
            who=options["who"],
            inventory=_inventory(task_vars),
            ended_at=round(time.time(), 3),
            command=_command(),
            failure=failure,
            early=lines if options["early"] else [],
        )
        ended = {
            host: options["ended"].get(host) or hostvars[host].get("rollout_ended") or {}
            for host in plan["order"]
        }
        record = make_record(told, plan, options["progress"], hostvars, ended, lines)
        receipt = receipt_lines(record)
        page_path, written = _written(record, receipt, options["directory"], task_vars)
        # The table, and the reason of a failure, come last: that is what stays on the screen.
        shown = [*receipt, *written, *([""] if lines else []), *lines]
        return _result(failure, shown) | {"record": record, "page": page_path}


def _result(failure: str, lines: Sequence[str]) -> dict[str, Any]:
    # The next task shows the lines, and fails: a failed one is printed with all that it returns.
    return {"changed": False, "lines": list(lines), "failure": failure}


def _sources(task_vars: Mapping[str, Any]) -> list[str]:
    return [str(source) for source in task_vars.get("ansible_inventory_sources") or []]


def _inventory(task_vars: Mapping[str, Any]) -> str:
    """Return the name of the inventory."""
    path = Path(next(reversed(_sources(task_vars)), ""))
    return path.parent.name if path.is_file() and path.parent.name else path.name


def _command() -> str:
    """Return what an operator types before the name of a playbook."""
    given = context.CLIARGS.get("inventory") or ()
    chosen = [part for source in given for part in ("-i", os.path.relpath(source))]
    # The inventory of ansible.cfg needs no word.
    typed = any(word.startswith(("-i", "--inventory")) for word in sys.argv)
    return shlex.join(["ansible-playbook", *(chosen if typed else [])])


def _written(
    record: Record, receipt: Sequence[str], directory: str, task_vars: Mapping[str, Any]
) -> tuple[str, list[str]]:
    """Write the page, the record and the receipt; return where the page is, and what to show.

    A folder that cannot be written must not make a failure of a rollout that succeeded.
    """
    if directory == NOWHERE:
        return "", []
    folder = Path(report_folder(_sources(task_vars), directory, str(Path.cwd())))
    apps = list(record["apps"])
    name = f"{record['id']}-{apps[0] if len(apps) == 1 else 'fleet'}"
    contents = {
        ".json": json.dumps(record, indent=1) + "\n",
        ".txt": "\n".join([*record["lines"], "", *receipt]) + "\n",
        ".html": page(record),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for suffix, content in contents.items():
            (folder / f"{name}{suffix}").write_text(content, encoding="utf-8")
    except OSError as error:
        return "", [
            f"the page of this rollout could not be written: {error}; "
            "set fleet_report_directory to a folder that can be, or to none"
        ]
    path = folder / f"{name}.html"
    return str(path), [f"page: {_near(path)}"]


def _near(path: Path) -> str:
    """Return a path as one types it from here, where that is shorter."""
    return min(os.path.relpath(path), str(path), key=len)
