"""Checks what is to be measured, and recommends; see the module of the same name."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

from ansible.utils.display import Display
from ansible.utils.vars import load_extra_vars
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.text import printable
from ansible_collections.asgi.fleet.plugins.plugin_utils.entry.actions import ControllerAction
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.examination import report
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.folder import report_folder
from ansible_collections.asgi.fleet.plugins.plugin_utils.tuning import text
from ansible_collections.asgi.fleet.plugins.plugin_utils.tuning.plot import plot
from ansible_collections.asgi.fleet.plugins.plugin_utils.tuning.recommendation import (
    Recommendation,
    Result,
    bounds,
    recommend,
    results,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.tuning.requests import (
    AUTO,
    Fleet,
    asked_host,
    tune_request,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.tuning.script import HEALTH
from ansible_collections.asgi.fleet.plugins.plugin_utils.tuning.series import steps
from ansible_collections.asgi.fleet.plugins.plugin_utils.tuning.writing import (
    VARIABLE,
    defining,
    host_file,
    with_workers,
)

display = Display()

#: What `fleet_report_directory` says where nothing is to be written.
NOWHERE = "none"
#: Seconds around each load: a slot that starts, and stops.
AROUND_SECONDS = 6
#: As `gunicorn_service_...` has its default.
WARM_SECONDS = 3


class ActionModule(ControllerAction):
    """Works on the controller, once."""

    options: ClassVar[dict[str, Any]] = {
        "step": {"type": "str", "choices": ["check", "series", "report"], "required": True},
        "host": {"type": "str", "default": ""},
        "hosts": {"type": "list", "elements": "str", "default": []},
        "request": {"type": "dict", "default": {}},
        "plan": {"type": "dict", "default": {}},
        "capacity": {"type": "dict", "default": {}},
        "measured": {"type": "list", "elements": "dict", "default": []},
        "release": {"type": "str", "default": ""},
        "directory": {"type": "str", "default": ""},
    }

    def act(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return what the step found; a refusal fails the task."""
        taken = {"check": self._check, "series": self._series, "report": self._report}
        try:
            found = taken[options["step"]](options, task_vars)
        except ValueError as error:
            return {"changed": False, "failed": True, "msg": str(error)}
        return {"changed": False, **found}

    def _check(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        groups = task_vars["groups"]
        fleet = Fleet(groups.get("app", []), options["hosts"], groups.get("balancer", []))
        variables = task_vars["hostvars"][options["hosts"][0]]
        host, problems = asked_host({"tune": variables.get("tune")}, fleet)
        if not problems:
            request, problems = tune_request(_of(task_vars["hostvars"][host]), fleet)
        if problems:
            raise ValueError(report(problems, 1))
        return {"host": host, "request": request}

    def _series(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        host, request = options["host"], options["request"]
        variables = task_vars["hostvars"][host]
        plan = steps(
            request["workers"],
            options["capacity"],
            variables["gunicorn_service_worker_memory_mb"],
            variables.get("gunicorn_service_memory_max_mb", 0),
            # The share of a host with a number is what that number takes, and no limit.
            variables.get("gunicorn_service_connections")
            if variables["deployment"][VARIABLE] == AUTO
            else None,
        )
        numbers = ", ".join(str(step["workers"]) for step in plan["steps"])
        one = request["seconds"] + WARM_SECONDS + AROUND_SECONDS
        minutes = request["rounds"] * len(plan["steps"]) * one / 60
        lines = [
            f"measures {numbers} {'worker' if numbers == '1' else 'workers'} on {host}; rounds: "
            f"{request['rounds']}, of {request['seconds']} s for each number with "
            f"{request['connections']} requests at once; minutes: about {max(minutes, 1):.0f}; "
            "what is live is not touched",
        ]
        if not variables.get("tune_requests"):
            lines.append(f"tune_requests is empty: the load is {HEALTH}")
        _show(lines)
        return {"plan": plan}

    def _report(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        host, plan, measured = options["host"], options["plan"], options["measured"]
        found = results(measured)
        advice, failure = None, ""
        try:
            limits = bounds(
                plan["by_memory"],
                plan["slot_mb"],
                max(one.largest_mb for one in found),
                plan["by_connections"],
            )
            advice = recommend(found, limits)
        except ValueError as error:
            failure = str(error)
        lines = [*text.table(found, advice), ""]
        lines += [advice.reason] if advice else []
        lines += text.disturbances(measured)
        lines += text.too_small_an_estimate(found, plan["worker_memory_mb"])
        lines += _written(options, found, advice, task_vars)
        if advice:
            try:
                lines += self._kept(options, advice, task_vars)
            except ValueError as error:
                failure = str(error)
        _show(lines)
        if failure:
            raise ValueError(f"{host}: {failure}")
        return {"recommendation": asdict(advice) if advice else None}

    def _kept(
        self, options: dict[str, Any], advice: Recommendation, task_vars: Mapping[str, Any]
    ) -> list[str]:
        """Write the number into the host's file, or say how; return what to show."""
        host = options["host"]
        folder = _inventory_folder(task_vars) / "host_vars"
        now = task_vars["hostvars"][host]["deployment"][VARIABLE]
        scale = f"to apply it: ansible-playbook playbooks/scale.yml --limit {host}"
        if str(now) == str(advice.workers):
            return [f"{VARIABLE} of {host} is {now} already"]
        if not options["request"]["write"]:
            return [
                f"to keep it: {VARIABLE}: {advice.workers} in {_near(folder / f'{host}.yml')}, or "
                f"again with -e tune_write=true; then {scale}"
            ]
        self._refuse_a_stronger_one(host)
        if not any(Path(source).exists() for source in _sources(task_vars)):
            # Ansible reads no host_vars beside a list of names (vars/plugins.py).
            raise ValueError(
                f"the inventory is no file; expected one, since host_vars beside it has {VARIABLE};"
                f" nothing was written: give the host an inventory, or -e {VARIABLE}="
                f"{advice.workers} to each run"
            )
        comment = f"Measured by playbooks/tune.yml on {time.strftime('%Y-%m-%d', time.gmtime())}."
        try:
            path = _write(folder, host, advice.workers, comment)
        except (OSError, ValueError) as error:
            raise ValueError(
                f"{VARIABLE} could not be written: {error}; write it yourself: {VARIABLE}: "
                f"{advice.workers}"
            ) from None
        return [f"wrote {VARIABLE}: {advice.workers} into {_near(path)}; {scale}"]

    def _refuse_a_stronger_one(self, host: str) -> None:
        """Refuse to write what another place would overrule.

        Raises:
            ValueError: It is set on the command line, or beside the playbook.
        """
        found = ["the command line"] if VARIABLE in load_extra_vars(self._loader) else []
        beside = Path(self._loader.get_basedir()) / "host_vars"
        found += [str(path) for path in defining(beside, host)]
        if found:
            raise ValueError(
                f"{VARIABLE} is also set by {' and '.join(found)}, which counts more than "
                "host_vars of the inventory; expected one place; nothing was written: set it there"
            )


def _write(folder: Path, host: str, workers: int, comment: str) -> Path:
    path = host_file(folder, host)
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    try:
        changed = with_workers(before, workers, comment)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(changed, encoding="utf-8")
    return path


def _of(variables: Mapping[str, Any]) -> dict[str, Any]:
    """Return the variables that choose what is measured, as far as they are set."""
    return {name: variables[name] for name in _names() if name in variables}


def _names() -> list[str]:
    numbers = ("seconds", "rounds", "connections")
    others = ("workers", "requests", "while_serving", "write")
    return [f"tune_{name}" for name in (*numbers, *others)]


def _sources(task_vars: Mapping[str, Any]) -> list[str]:
    return [str(source) for source in task_vars.get("ansible_inventory_sources") or []]


def _inventory_folder(task_vars: Mapping[str, Any]) -> Path:
    """Return the folder beside which Ansible looks for host_vars: that of the last source."""
    for source in reversed(_sources(task_vars)):
        path = Path(source)
        if path.exists():
            return path if path.is_dir() else path.parent
    return Path.cwd()


def _written(
    options: Mapping[str, Any],
    found: list[Result],
    advice: Recommendation | None,
    task_vars: Mapping[str, Any],
) -> list[str]:
    """Write the plot and the measurement; return what to show of it."""
    if options["directory"] == NOWHERE:
        return []
    host = options["host"]
    app = task_vars["hostvars"][host]["deployment"]["app_name"]
    folder = Path(report_folder(_sources(task_vars), options["directory"], str(Path.cwd())))
    now = time.gmtime()
    name = f"tune-{time.strftime('%Y%m%dT%H%M%S', now)}-{app}-{host}"
    told = {
        "app": app,
        "host": host,
        "release": options["release"],
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", now),
        "request": dict(options["request"]),
        "plan": dict(options["plan"]),
        "measured": list(options["measured"]),
    }
    title = f"{app} {options['release']} on {host}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.json").write_text(text.document(told, found, advice), encoding="utf-8")
        (folder / f"{name}.svg").write_text(plot(title, found, advice), encoding="utf-8")
    except OSError as error:
        return [
            f"the plot could not be written: {error}; set fleet_report_directory to a folder that "
            "can be, or to none"
        ]
    return [f"plot: {_near(folder / f'{name}.svg')}; all numbers: the same name with .json"]


def _near(path: Path) -> str:
    """Return a path as one types it from here, where that is shorter."""
    try:
        return min(str(path.resolve().relative_to(Path.cwd())), str(path), key=len)
    except ValueError:
        return str(path)


def _show(lines: list[str]) -> None:
    # A host has told some of it: nothing of it may steer the terminal.
    display.display(printable("\n".join(["", *lines, ""])))
