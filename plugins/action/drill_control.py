"""Does what a drill needs on the controller; see the module of the same name."""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from ansible import constants, context
from ansible.parsing.splitter import parse_kv
from ansible.utils.display import Display
from ansible.utils.vars import load_extra_vars
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.drill import ARCHIVE
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.text import printable
from ansible_collections.asgi.fleet.plugins.plugin_utils.drill import card, nested
from ansible_collections.asgi.fleet.plugins.plugin_utils.drill.asked import asked, prompts
from ansible_collections.asgi.fleet.plugins.plugin_utils.drill.exercises import skipped
from ansible_collections.asgi.fleet.plugins.plugin_utils.drill.fleet import (
    begin_lines,
    needs_mending,
    ready,
    servers,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.drill.playing import Played, play
from ansible_collections.asgi.fleet.plugins.plugin_utils.drill.variants import (
    VariantError,
    variant,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.entry.actions import ControllerAction
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.examination import report
from ansible_collections.asgi.fleet.plugins.plugin_utils.operation.requests import CommandLine
from ansible_collections.asgi.fleet.plugins.plugin_utils.operation.targets import one_application
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.folder import report_folder
from ansible_collections.asgi.fleet.plugins.plugin_utils.rollout.waves import plan_waves

display = Display()

#: What `fleet_report_directory` says where nothing is to be written.
NOWHERE = "none"
#: Seconds for which a host is lost, and a disk is full at most.
LOST_SECONDS, FULL_SECONDS = 45, 900
#: As many releases as app_releases_kept can say: those of a drill must not drive others away.
MOST_KEPT = 100


class ActionModule(ControllerAction):
    """Works on the controller, once for all hosts."""

    options: ClassVar[dict[str, Any]] = {
        "step": {
            "type": "str",
            "choices": [
                *("checked", "ready", "chosen", "played", "paused", "judged", "mended", "closed")
            ],
            "required": True,
        },
        "hosts": {"type": "list", "elements": "str", "required": True},
        "request": {"type": "dict", "default": {}},
        "release": {"type": "str", "default": ""},
        "exercise": {"type": "dict", "default": {}},
        "number": {"type": "int", "default": 0},
        "choice": {"type": "dict", "default": {}},
        "why": {"type": "str", "default": ""},
        "seconds": {"type": "int", "default": 0},
        "rows": {"type": "list", "elements": "dict", "default": []},
        "directory": {"type": "str", "default": ""},
    }

    def act(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return what the step found; a refusal fails the task."""
        steps = {
            "checked": self._checked,
            "ready": self._ready,
            "chosen": self._chosen,
            "played": self._played,
            "paused": self._paused,
            "judged": self._judged,
            "mended": self._mended,
            "closed": self._closed,
        }
        try:
            found = steps[options["step"]](options, task_vars)
        except ValueError as error:
            return {"changed": False, "failed": True, "msg": str(error)}
        return {"changed": False, **found}

    def _checked(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        hosts, hostvars = options["hosts"], task_vars["hostvars"]
        apps = {host: hostvars[host]["deployment"]["app_name"] for host in hosts}
        one_application(apps)
        deployments = {host: dict(hostvars[host]["deployment"]) for host in hosts}
        deployment = deployments[hosts[0]]
        line = self._command_line()
        allowed = all(one["fleet_drill_allowed"] for one in deployments.values())
        request = asked(line, deployment["app_name"], allowed)
        asking = prompts(context.CLIARGS)
        if line.problems or asking:
            told = [report(line.problems, 1)] if line.problems else []
            raise ValueError("\n".join([*told, *asking]))
        plan = plan_waves(deployments)
        balancers = [str(name) for name in task_vars["groups"].get("balancer", [])]
        identifier = secrets.token_hex(4)
        found = {
            "request": request,
            "id": identifier,
            "app": deployment["app_name"],
            "loader": plan["order"][0],
            "victim": plan["order"][-1],
            "canary": plan["waves"][deployment["app_name"]][0],
            "balanced": bool(balancers),
            "servers": servers(balancers or hosts, hostvars, balanced=bool(balancers)),
            "domain": deployment["health_host"],
            "path": request["path"] or deployment["health_url_path"],
            "archive": str(_scratch() / f"{identifier}.tar.gz"),
            "began": round(time.time(), 3),
        }
        return {**found, "lines": begin_lines(found, hosts)}

    def _ready(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        looks = {host: task_vars["hostvars"][host].get("fleet_look") for host in options["hosts"]}
        return {"release": ready({host: dict(look or {}) for host, look in looks.items()})}

    def _chosen(self, options: dict[str, Any], _task_vars: dict[str, Any]) -> dict[str, Any]:
        request, exercise = options["request"], options["exercise"]
        hosts = [request["victim"]] if exercise["fault"] else []
        row = None
        if options["why"]:
            row = card.not_done(exercise, hosts, "not done", str(options["why"]))
        elif reason := skipped(int(exercise["least_hosts"]), options["hosts"]):
            row = card.not_done(exercise, hosts, "skipped", reason)
        else:
            count = len(request["request"]["exercises"])
            where = f" on {hosts[0]}" if hosts else ""
            _say(f"{options['number'] + 1} of {count}: {exercise['done']}{where}")
        lasts = LOST_SECONDS if exercise["fault"] == "host_lost" else FULL_SECONDS
        return {
            "hosts": hosts,
            "seconds": lasts,
            "agent": f"asgi-fleet-drill/{request['id']}-{exercise['name']}",
            "row": row.as_dict() if row else None,
            "stop": options["why"],
        }

    def _played(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        request, exercise = options["request"], options["exercise"]
        if exercise["fault"]:
            fault = _of(task_vars["hostvars"], options["choice"]["hosts"], "drill_fault")
            if fault.get("failed") or fault.get("unreachable"):
                # What was to be broken is not.
                return {"skipped_because": str(fault.get("msg"))}
        variables: dict[str, object] = {}
        if exercise["variant"]:
            packed = task_vars["hostvars"][request["loader"]].get("drill_packed") or {}
            if "archive" not in packed:
                return {"skipped_because": str(packed.get("msg") or "no source was fetched")}
            try:
                variables = self._release(options, task_vars, packed)
            except VariantError as error:
                return {"skipped_because": f"the live release cannot be broken: {error}"}
        if exercise["playbook"] == "rollback":
            variables = {"release": options["release"]}
        return {"played": self._play(exercise["playbook"], exercise["name"], options, variables)}

    def _release(
        self, options: dict[str, Any], task_vars: dict[str, Any], packed: Mapping[str, Any]
    ) -> dict[str, object]:
        request, exercise = options["request"], options["exercise"]
        found = task_vars["hostvars"][request["loader"]]["drill_look"]["found"]
        name, identifier = exercise["variant"], f"{request['id']}-{exercise['name']}"
        content = Path(packed["archive"]).read_bytes()
        made = variant(content, found["module"], packed["project"], name, identifier)
        path = _scratch() / f"{ARCHIVE}{identifier}.tar.gz"
        path.write_bytes(made)
        project = {"subdirectory": packed["project"]} if packed["project"] else {}
        return {
            "app_source": {"type": "archive", "path": str(path), **project},
            "app_module": found["module"],
            "fleet_allow_older": True,
        }

    def _play(
        self, playbook: str, name: str, options: Mapping[str, Any], variables: dict[str, object]
    ) -> dict[str, Any]:
        request = options["request"]
        folder = Path(__file__).parents[2] / "playbooks"
        always = {"fleet_notify": [], "app_releases_kept": MOST_KEPT}
        words = nested.command(folder / f"{playbook}.yml", context.CLIARGS, {**variables, **always})
        log = _scratch() / f"{request['id']}-{name}.log"
        played: Played = play(words, nested.environment(os.environ), log)
        output = log.read_text(encoding="utf-8", errors="replace")
        return {
            "rc": played.status,
            "seconds": round(played.seconds, 1),
            "log": str(log),
            "end": printable(nested.reason(output)),
            "meant": str(options["exercise"].get("because", "")) in output,
        }

    def _paused(self, options: dict[str, Any], _task_vars: dict[str, Any]) -> dict[str, Any]:
        time.sleep(options["seconds"])
        return {}

    def _judged(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        choice, exercise, hosts = options["choice"], options["exercise"], options["hosts"]
        if choice["row"]:
            return {"row": choice["row"], "stop": choice["stop"]}
        hostvars = task_vars["hostvars"]
        request = options["request"]
        played = _now(task_vars, "drill_played") if exercise["playbook"] else {}
        fault = _of(hostvars, choice["hosts"], "drill_fault") if exercise["fault"] else {}
        if reason := str(played.get("skipped_because") or ""):
            row = card.not_done(exercise, choice["hosts"], "skipped", reason)
            return {"row": row.as_dict(), "stop": ""}
        seen = card.Seen(
            load=_of(hostvars, [request["loader"]], "drill_load"),
            logged={host: _of(hostvars, [host], "drill_logged") for host in hosts},
            fault=fault,
            playbook=played.get("played"),
            before={host: dict(hostvars[host]["drill_before"]) for host in hosts},
            after={host: _state(hostvars[host]) for host in hosts},
            canary=request["canary"],
            balanced=request["balanced"],
        )
        row = card.judged(exercise, choice["hosts"], seen)
        _say(f"   {row.result}" + "".join(f"\n   {line}" for line in row.seen))
        stop = card.unfit(exercise, seen)
        return {"row": row.as_dict(), "stop": stop}

    def _mended(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        looks = {host: _state(task_vars["hostvars"][host]) for host in options["hosts"]}
        who = str(task_vars["hostvars"][options["hosts"][0]]["rollout_holder"])
        if not needs_mending(looks, options["release"], who):
            return {}
        _say(f"back to {options['release']}")
        variables: dict[str, object] = {"release": options["release"], "fleet_take_over_lock": True}
        return {"played": self._play("rollback", "mend", options, variables)}

    def _closed(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        hosts, hostvars = options["hosts"], task_vars["hostvars"]
        before = {host: dict(hostvars[host]["drill_before"]) for host in hosts}
        after = {host: _state(hostvars[host]) for host in hosts}
        left = [*card.differences(before, after), *card.releases_differ(before, after)]
        for host in hosts:
            cleared = _of(hostvars, [host], "drill_cleared")
            if cleared.get("failed") or cleared.get("unreachable"):
                left.append(f"{host} is not cleared: {cleared.get('msg')}")
        request = options["request"]
        rows = [card.Row(**row) for row in options["rows"]]
        for exercise in request["request"]["exercises"][len(rows) :]:
            rows.append(card.not_done(exercise, [], "not done", "the drill has ended before it"))
        lines = card.lines(rows, left, options["release"])
        failure = card.summary(rows, left)
        document = {
            "drill": request["id"],
            "app": request["app"],
            "who": str(hostvars[hosts[0]]["rollout_holder"]),
            "hosts": hosts,
            "release": options["release"],
            "began": request["began"],
            "ended": round(time.time(), 3),
            "rate": request["request"]["rate"],
            "path": request["path"],
            "passed": not failure,
            "left": left,
            "exercises": [row.as_dict() for row in rows],
        }
        written = self._written(document, lines, options["directory"], task_vars)
        return {"lines": [*lines, *written], "failure": failure}

    def _written(
        self,
        document: dict[str, Any],
        lines: list[str],
        directory: str,
        task_vars: Mapping[str, Any],
    ) -> list[str]:
        """Write the scorecard and the output of the playbooks; return what to say of it."""
        if directory == NOWHERE:
            return []
        sources = [str(one) for one in task_vars.get("ansible_inventory_sources") or []]
        folder = Path(report_folder(sources, directory, str(Path.cwd())))
        moment = time.strftime("%Y%m%dT%H%M%S", time.gmtime(document["began"]))
        name = f"{moment}-drill-{document['drill']}-{document['app']}"
        try:
            logs = folder / name
            logs.mkdir(parents=True, exist_ok=True)
            for log in _scratch().glob(f"{document['drill']}-*.log"):
                kept = logs / log.name.removeprefix(f"{document['drill']}-")
                kept.write_bytes(log.read_bytes())
            path = folder / f"{name}.json"
            path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
            (folder / f"{name}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
        except OSError as error:
            return [
                f"the scorecard could not be written: {error}; "
                "set fleet_report_directory to a folder that can be, or to none"
            ]
        return [f"scorecard: {min(os.path.relpath(path), str(path), key=len)}"]

    def _command_line(self) -> CommandLine:
        options = tuple(context.CLIARGS.get("extra_vars") or ())
        # Plain: Ansible marks them as templates, and would resolve them in the next task.
        variables = json.loads(json.dumps(load_extra_vars(self._loader), default=str))
        return CommandLine(options, variables, lambda text: dict(parse_kv(text)))


def _say(line: str) -> None:
    display.display(printable(line))


def _scratch() -> Path:
    """Return the folder of this run, which Ansible removes at its end."""
    return Path(constants.DEFAULT_LOCAL_TMP)


def _of(hostvars: Mapping[str, Any], hosts: list[str], name: str) -> dict[str, Any]:
    """Return a result that the first of some hosts has registered."""
    return dict(hostvars[hosts[0]].get(name) or {}) if hosts else {}


def _now(task_vars: Mapping[str, Any], name: str) -> dict[str, Any]:
    return dict(task_vars.get(name) or {})


def _state(variables: Mapping[str, Any]) -> dict[str, Any]:
    look = variables.get("fleet_look") or {}
    if "state" in look:
        return dict(look["state"])
    return {"error": str(look.get("msg") or "no answer").strip()}
