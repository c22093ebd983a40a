"""Makes the plan of a run, or compares with one; see the module of the same name."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, cast

import yaml
from ansible.utils.display import Display
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.text import printable
from ansible_collections.asgi.fleet.plugins.plugin_utils.entry.actions import ControllerAction
from ansible_collections.asgi.fleet.plugins.plugin_utils.plan.comparison import moved
from ansible_collections.asgi.fleet.plugins.plugin_utils.plan.document import (
    BalancerPlan,
    Document,
    HostFacts,
    document,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.plan.facts import (
    NoPlanError,
    balancer_plan,
    host_facts,
    refuse_locked,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.plan.identity import (
    Kept,
    PlanFileError,
    as_text,
    from_text,
    hash_of,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.plan.text import lines
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.folder import report_folder
from ansible_collections.asgi.fleet.plugins.plugin_utils.rollout.begin import Begun, RefusedError
from ansible_collections.asgi.fleet.plugins.plugin_utils.rollout.older import (
    Ask,
    Relation,
    Wanted,
    going_back,
    older_lines,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.commits import Between, between
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.credentials import shown
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.git import relation

display = Display()

#: The copy of the collection that this file belongs to.
COLLECTION = Path(__file__).parents[2]
#: What `fleet_report_directory` says where nothing is to be written.
NOWHERE = "none"
#: A plan names variables and hosts, which are nobody else's business on the controller.
MODE = 0o600


class ActionModule(ControllerAction):
    """Reads what the tasks of playbooks/plan.yml have registered on all hosts."""

    options: ClassVar[dict[str, Any]] = {
        "state": {"type": "str", "choices": ["made", "compared", "kept"], "default": "made"},
        "kind": {"type": "str", "choices": ["deploy", "release"], "default": "deploy"},
        "hosts": {"type": "list", "elements": "str", "required": True},
        "balancers": {"type": "list", "elements": "str", "default": []},
        "lost": {"type": "list", "elements": "str", "default": []},
        "sites": {"type": "list", "elements": "dict", "default": []},
        "hash": {"type": "str", "default": ""},
        "file": {"type": "str", "default": ""},
        "folder": {"type": "str", "default": ""},
        "by": {"type": "str", "default": ""},
    }

    def act(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return the plan; a refusal fails the task."""
        hostvars = task_vars["hostvars"]
        try:
            if options["state"] == "kept":
                return _still(options["hosts"], hostvars)
            plan = _made(options, hostvars)
            digest = hash_of(plan)
            told = [printable(line) for line in lines(plan, digest)]
            folder = "" if options["folder"] == NOWHERE else _folder(options["folder"], task_vars)
            if options["state"] == "compared":
                self._compare(plan, digest, options, folder)
                _show([f"The fleet and the inventory are as the plan {digest} saw them."])
            else:
                kept: Kept = {
                    "hash": digest,
                    "made_at": int(time.time()),
                    "made_by": options["by"],
                    "plan": plan,
                    "lines": told,
                }
                _write(kept, options["file"], folder)
                _show(told)
        except (NoPlanError, PlanFileError) as error:
            return {"changed": False, "failed": True, "msg": str(error)}
        return {"changed": False, "hash": digest, "plan": plan}

    def _compare(self, now: Document, digest: str, options: Mapping[str, Any], folder: str) -> None:
        """Refuse another plan than the wanted one, by what has moved.

        Raises:
            NoPlanError: Something has.
            PlanFileError: That cannot be told, since there is no file.
        """
        wanted = options["hash"]
        if digest == wanted:
            return
        given = options["file"]
        path = _absolute(given) if given else os.path.join(folder or NOWHERE, f"plan-{wanted}.json")
        try:
            text = Path(path).read_text(encoding="utf-8")
        except OSError as error:
            raise PlanFileError(
                f"plan is {wanted}, and the fleet and the inventory make {digest} now; what has "
                f"moved is in no file: {path}: {error.strerror}; expected the file of the plan; "
                "add -e plan_file=<the JSON of the plan>, or make a new plan: -e plan_only=true"
            ) from None
        kept = from_text(text, path, wanted)
        _show(
            [
                f"Since the plan {wanted} of {kept['made_by']} was made, this has moved:",
                *(f"  {line}" for line in moved(kept["plan"], now)),
            ]
        )
        raise NoPlanError(
            f"plan is {wanted}; expected a fleet and an inventory as it saw them; what has moved "
            "is above; look at a new plan: -e plan_only=true"
        )


def _made(options: Mapping[str, Any], hostvars: Mapping[str, Any]) -> Document:
    """Return the plan.

    Raises:
        NoPlanError: A host did not answer, was refused, or is locked.
    """
    kind = options["kind"]
    if lost := options["lost"]:
        raise NoPlanError(
            f"there is no plan, because {', '.join(lost)} did not answer or was refused, see "
            "above; correct that, or leave it out: --limit 'all:!<host>'"
        )
    facts = {host: host_facts(hostvars[host], kind) for host in options["hosts"]}
    refuse_locked(facts, take_over=_takes_over(facts.values()))
    caches = {one.deployment["app_name"]: one.packed["cache"] for one in facts.values()}
    urls = {
        one.deployment["app_name"]: str(one.deployment["app_source"].get("url") or "")
        for one in facts.values()
    }

    def history(app: str, live: str, wanted: str) -> Between:
        return between(caches[app], urls[app], live, wanted)

    def ask(url: str, commit: str, live: str) -> Relation:
        app = next(app for app, one in urls.items() if shown({"url": one})["url"] == url)
        return relation(caches[app], url, commit, live)

    _refuse_older(facts, ask)
    fronts: dict[str, BalancerPlan] = {
        name: balancer_plan(hostvars[name].get("balancer_look") or {}, options["sites"])
        for name in options["balancers"]
    }
    plan = document(kind, _version(), facts, history, fronts)
    # As it will be read again: values of Ansible's own types become plain ones.
    plain: Document = json.loads(json.dumps(plan, default=str))
    return plain


def _refuse_older(facts: Mapping[str, HostFacts], ask: Ask) -> None:
    """Refuse to plan what the run itself would refuse: to go back to an older release.

    Raises:
        NoPlanError: It would.
    """
    wanted = {
        host: Wanted(one.packed["release_id"], one.packed["commit"], one.packed["shown"])
        for host, one in facts.items()
    }
    begun: dict[str, Begun] = {host: cast("Begun", one.begun) for host, one in facts.items()}
    allowed = any(one.deployment.get("fleet_allow_older") for one in facts.values())
    try:
        older_lines(going_back(begun, wanted, ask), wanted, allowed=allowed)
    except RefusedError as error:
        raise NoPlanError(f"there is no plan: {error}") from None


def _takes_over(facts: Iterable[HostFacts]) -> bool:
    return any(one.deployment.get("fleet_take_over_lock") for one in facts)


def _still(hosts: Iterable[str], hostvars: Mapping[str, Any]) -> dict[str, Any]:
    """Return nothing, if no host has got another release between the plan and the lock.

    Raises:
        NoPlanError: One has.
    """
    found = []
    for host in hosts:
        plan = hostvars[host].get("plan_compared") or {}
        planned = plan["plan"]["hosts"][host]["before"]
        live = (hostvars[host].get("rollout_begun") or {}).get("live") or ""
        if live != planned:
            found.append(
                f"{host}: live release is {live or 'none'}; the plan saw {planned or 'none'}"
            )
    if found:
        raise NoPlanError(f"{'; '.join(found)}; look at a new plan: -e plan_only=true")
    return {"changed": False}


def _write(kept: Kept, file: str, folder: str) -> None:
    """Write a plan into the folder, and into the file that was asked for.

    Raises:
        PlanFileError: It cannot be written.
    """
    places = [os.path.join(folder, f"plan-{kept['hash']}.json")] if folder else []
    places += [_absolute(file)] if file else []
    for path in places:
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            temporary = f"{path}.{os.getpid()}"
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, MODE)
            with os.fdopen(descriptor, "w", encoding="utf-8") as target:
                target.write(as_text(kept))
            os.replace(temporary, path)
        except OSError as error:
            raise PlanFileError(
                f"the plan cannot be written to {path}: {error.strerror}; expected a folder that "
                "you may write to; set fleet_report_directory, or plan_file"
            ) from None


def _folder(wanted: str, task_vars: Mapping[str, Any]) -> str:
    return report_folder(task_vars.get("ansible_inventory_sources") or [], wanted, os.getcwd())


def _absolute(path: str) -> str:
    return os.path.abspath(os.path.expanduser(path))


def _version() -> str:
    """Return the version of this asgi.fleet: a clone has galaxy.yml, what is built a manifest."""
    manifest, source = COLLECTION / "MANIFEST.json", COLLECTION / "galaxy.yml"
    if manifest.is_file():
        return str(json.loads(manifest.read_text())["collection_info"]["version"])
    return str(yaml.safe_load(source.read_text())["version"]) if source.is_file() else "unknown"


def _show(told: list[str]) -> None:
    # Much of it is what hosts and repositories have told: nothing of it may steer the terminal.
    display.display(printable("\n".join(["", *told, ""])))
