"""The record of a rollout, made at its end from what the hosts have told: `report/record.py`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import groupby
from typing import Any

from ansible_collections.asgi.fleet.plugins.plugin_utils.report.failures import failure_reason
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.receipts import summed
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.record import (
    SCHEMA,
    Application,
    Host,
    Kind,
    Outcome,
    Phase,
    PhaseName,
    Record,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.rollout.backups import backup_told
from ansible_collections.asgi.fleet.plugins.plugin_utils.rollout.report import end_state
from ansible_collections.asgi.fleet.plugins.plugin_utils.rollout.waves import (
    INTERRUPTED,
    RolloutPlan,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.sizing.processes import memory_mb
from ansible_collections.asgi.fleet.plugins.plugin_utils.sizing.workers import plan_workers

HostVariables = Mapping[str, Mapping[str, Any]]

#: The steps of `asgi.fleet.slot`, as phases; every other one belongs to the start.
PHASES: dict[str, PhaseName] = {
    "start until healthy": "healthy",
    "cut over": "cut over",
    "hooks before": "hooks",
    "hooks after": "hooks",
}
#: From good to bad: what a rollout of several applications came to.
WORST: tuple[Outcome, ...] = ("succeeded", "refused", "interrupted", "reverted", "failed")
#: States of a host that a failed rollout has left where it should not be.
LEFT_BEHIND = ("NOT REVERTED", "unreachable")


@dataclass(frozen=True)
class Told:
    """What the controller knows of a rollout.

    Attributes:
        id: Its id, which begins with its time (UTC).
        kind: What it did.
        who: Who ran it.
        inventory: The name of the inventory.
        ended_at: Unix time.
        command: What was typed, up to the playbook.
        failure: Why the run fails; empty if it does not.
        early: The reasons, if it ended before any host was switched.
    """

    id: str
    kind: Kind
    who: str
    inventory: str
    ended_at: float
    command: str
    failure: str = ""
    early: Sequence[str] = ()


def make_record(
    told: Told,
    plan: RolloutPlan,
    progress: Mapping[str, Any],
    hostvars: HostVariables,
    ended: HostVariables,
    lines: Sequence[str],
) -> Record:
    """Return the record of a rollout.

    Args:
        told: What the controller knows of it.
        plan: What `plan_waves` returned.
        progress: What `close_wave` returned for the last wave; empty if there was none.
        hostvars: The variables of each host, with the results that the playbooks register.
        ended: The result of ending the rollout, by host.
        lines: What the operator saw at the end.
    """
    hosts = {
        host: _host(host, plan, told, progress, hostvars[host], ended.get(host) or {})
        for host in plan["order"]
    }
    apps = {
        app: _application(app, waves, told, progress, hosts, hostvars)
        for app, waves in plan["waves"].items()
    }
    outcome: Outcome = max(
        (app["outcome"] for app in apps.values()), key=WORST.index, default="refused"
    )
    if told.failure and outcome == "succeeded":
        outcome = "failed"
    reasons = list(dict.fromkeys(app["reason"] for app in apps.values() if app["reason"]))
    return {
        "schema": SCHEMA,
        "id": told.id,
        "kind": told.kind,
        "who": told.who,
        "inventory": told.inventory,
        "began_at": began_at(told.id),
        "ended_at": told.ended_at,
        "outcome": outcome,
        "reason": "\n".join(reasons) or told.failure,
        "next": _next(outcome, told, hosts),
        "apps": apps,
        "hosts": hosts,
        "receipt": summed(
            {host: found["receipt"] for host, found in ended.items() if found.get("receipt")}
        ),
        "lines": list(lines),
    }


def beginning(
    plan: RolloutPlan, rollout: str, kind: str, who: str, hostvars: HostVariables
) -> dict[str, Any]:
    """Return what is known of a rollout that begins: a part of its record.

    Args:
        plan: What `plan_waves` returned.
        rollout: Its id.
        kind: What it does.
        who: Who runs it.
        hostvars: The variables of each host; `rollout_begun`, if it has told.
    """
    return {
        "id": rollout,
        "kind": kind,
        "who": who,
        "began_at": began_at(rollout),
        "apps": {
            app: {
                "before": list(
                    dict.fromkeys(
                        str((hostvars[host].get("rollout_begun") or {}).get("live") or "none")
                        for wave in waves
                        for host in wave
                    )
                ),
                "waves": waves,
            }
            for app, waves in plan["waves"].items()
        },
    }


def began_at(rollout: str) -> float:
    """Return when a rollout began (Unix time), by its id."""
    moment = datetime.strptime(rollout.partition("-")[0], "%Y%m%dT%H%M%S")
    return moment.replace(tzinfo=timezone.utc).timestamp()


def app_outcome(
    app: str,
    kind: str,
    progress: Mapping[str, Any],
    states: Mapping[str, str],
    *,
    early: bool,
) -> Outcome:
    """Return what a rollout came to for an application.

    Args:
        app: The application.
        kind: What it did.
        progress: See `make_record`.
        states: The states of its hosts at the end.
        early: Whether it ended before its waves, or between them and its end.
    """
    reason = progress.get("stopped", {}).get(app)
    if reason is None and early:
        # Something was done already: hosts are patched, or run the new release.
        return "failed" if kind == "patch" or progress.get("hosts") else "refused"
    if reason is None:
        return "succeeded"
    if any(state in LEFT_BEHIND for state in states.values()):
        return "failed"
    if reason.startswith(INTERRUPTED):
        return "interrupted"
    # Without a revert, what was switched stays.
    return "failed" if "live" in states.values() else "reverted"


def host_told(
    app: str,
    kind: Kind,
    progress: Mapping[str, Any],
    variables: Mapping[str, Any],
    states: Mapping[str, str],
    *,
    early: bool = False,
) -> dict[str, Any]:
    """Return what a host keeps of the rollout.

    Args:
        app: Its application.
        kind: What the rollout does.
        progress: See `make_record`.
        variables: The host's.
        states: The states of the application's hosts.
        early: See `app_outcome`.
    """
    release = _target(variables)
    commit, subject = _commit(release, variables)
    reason = str(progress.get("stopped", {}).get(app, ""))
    if early and not reason:
        reason = failure_reason(variables.get("ansible_failed_result"), "")
    return {
        "kind": kind,
        "outcome": app_outcome(app, kind, progress, states, early=early),
        "reason": reason.partition("\n")[0],
        "release": release,
        "before": str(variables.get("rollout_begun", {}).get("live") or ""),
        "commit": commit,
        "subject": subject,
    }


def end_states(
    app: str, plan: RolloutPlan, progress: Mapping[str, Any], hostvars: HostVariables
) -> dict[str, str]:
    """Return the state of each host of an application, before the rollout is ended there."""
    return {
        host: _state(host, progress, hostvars[host])
        for wave in plan["waves"].get(app, [])
        for host in wave
    }


def _state(host: str, progress: Mapping[str, Any], variables: Mapping[str, Any]) -> str:
    done = progress.get("hosts", {}).get(host)
    return end_state(done, variables.get("rollout_reverted") or None)[0]


def _application(
    app: str,
    waves: list[list[str]],
    told: Told,
    progress: Mapping[str, Any],
    hosts: Mapping[str, Host],
    hostvars: HostVariables,
) -> Application:
    names = [host for wave in waves for host in wave]
    first = hostvars[names[0]]
    release = _target(first)
    commit, subject = _commit(release, first)
    source = (first.get("deployment") or {}).get("app_source") or {}
    reason = str(progress.get("stopped", {}).get(app, ""))
    states = {name: hosts[name]["state"] for name in names}
    outcome = app_outcome(app, told.kind, progress, states, early=bool(told.early))
    return {
        "domain": _domain(first),
        "release": release,
        "before": list(dict.fromkeys(hosts[name]["before"] or "none" for name in names)),
        "commit": commit,
        "subject": subject,
        "url": _shown_url(first, source),
        "waves": waves,
        "outcome": outcome,
        "reason": reason or "\n".join(told.early),
        "backup": backup_told(app, hostvars, names[0]),
    }


def _target(variables: Mapping[str, Any]) -> str:
    """Return the release of a rollout; of one that releases nothing, the one that is live."""
    target = (variables.get("rollout_target") or {}).get("id")
    packed = (variables.get("__python_release_packed") or {}).get("release_id")
    return str(target or packed or (variables.get("rollout_begun") or {}).get("live") or "")


def _domain(variables: Mapping[str, Any]) -> str:
    domain = (variables.get("deployment") or {}).get("app_domain", "")
    return str(domain[0] if isinstance(domain, list) and domain else domain)


def _shown_url(variables: Mapping[str, Any], source: Mapping[str, Any]) -> str:
    """Return where the source comes from, as it is shown: without credentials."""
    packed = variables.get("__python_release_packed") or {}
    if packed.get("shown"):
        return str(packed["shown"].get("url", ""))
    return "" if "@" in str(source.get("url", "")) else str(source.get("url", ""))


def _commit(release: str, variables: Mapping[str, Any]) -> tuple[str, str]:
    """Return a release's commit, and the first line of its message."""
    packed = variables.get("__python_release_packed") or {}
    if packed.get("release_id") == release:
        return str(packed.get("commit", "")), str(packed.get("subject", ""))
    known = (variables.get("rollout_begun") or {}).get("releases") or []
    found: Mapping[str, Any] = next((one for one in known if one["id"] == release), {})
    return str(found.get("commit", "")), str(found.get("subject", ""))


def _host(
    host: str,
    plan: RolloutPlan,
    told: Told,
    progress: Mapping[str, Any],
    variables: Mapping[str, Any],
    ended: Mapping[str, Any],
) -> Host:
    app = variables["deployment"]["app_name"]
    waves = plan["waves"].get(app, [])
    begun = variables.get("rollout_begun") or {}
    done = progress.get("hosts", {}).get(host, {})
    found = ended.get("receipt")
    workers = _workers(
        begun.get("capacity"),
        variables["deployment"],
        variables.get("gunicorn_service_connections"),
    )
    state = _state(host, progress, variables)
    if told.kind == "patch":
        state = "patched" if ended and not ended.get("failed") else "not begun"
    return {
        "app": app,
        "wave": next((n for n, wave in enumerate(waves, 1) if host in wave), None),
        "state": "unreachable" if ended.get("unreachable") else state,
        "before": begun.get("live"),
        "after": ended.get("live"),
        "phases": list(_phases(variables, ended)),
        "workers": workers[0],
        "workers_reason": workers[1],
        "notes": [
            *([done["reason"]] if done.get("reason") else []),
            *((variables.get("gunicorn_service_result") or {}).get("notes") or []),
        ],
        "receipt": summed({host: found}) if found else None,
    }


def _workers(
    capacity: Mapping[str, Any] | None,
    deployment: Mapping[str, Any],
    connections: Mapping[str, int] | None,
) -> tuple[int | None, str | None]:
    if not capacity:
        return None, None
    plan = plan_workers(
        int(capacity["cores"]),
        int(capacity["memory_bytes"]),
        deployment["app_workers"],
        deployment["app_worker_memory_mb"],
        prefix="app_",
        processes_mb=memory_mb(deployment.get("app_processes", []), int(capacity["cores"])),
        connections=connections,
    )
    return plan.workers, plan.reason


def _phases(variables: Mapping[str, Any], ended: Mapping[str, Any]) -> Iterator[Phase]:
    """Yield what a host did, in order of time, by the clock of the controller."""
    yield from _phase("build", variables.get("python_release_result"))
    slot: Mapping[str, Any] = variables.get("gunicorn_service_result") or {}
    look: Mapping[str, Any] = variables.get("wave_look") or {}
    if slot.get("took") and slot.get("changed"):
        yield from _steps(slot.get("steps", []), slot["took"])
        if look.get("took"):
            yield {"name": "soak", "from": slot["took"]["to"], "to": look["took"]["from"]}
    elif slot.get("failed") or slot.get("is_refusal"):
        yield from _phase("start", slot)
    yield from _phase("revert", variables.get("rollout_reverted"))
    yield from _phase("drain", ended)


def _phase(name: PhaseName, result: Mapping[str, Any] | None) -> Iterator[Phase]:
    took = (result or {}).get("took")
    if took:
        yield {"name": name, "from": took["from"], "to": took["to"]}


def _steps(steps: Sequence[Mapping[str, Any]], took: Mapping[str, float]) -> Iterator[Phase]:
    """Yield the steps of an activation; they end when it did."""
    moment = took["to"] - sum(float(step["seconds"]) for step in steps)
    first = True
    for step, same in groupby(steps, key=_phase_of):
        until = moment + sum(float(one["seconds"]) for one in same)
        # What came before the first step is the way to the host.
        yield {"name": step, "from": took["from"] if first else moment, "to": until}
        moment, first = until, False


def _phase_of(step: Mapping[str, Any]) -> PhaseName:
    return PHASES.get(str(step["step"]), "start")


def _next(outcome: Outcome, told: Told, hosts: Mapping[str, Host]) -> list[str]:
    """Return what to type next."""
    if outcome == "succeeded":
        return []
    verb = told.command
    if outcome == "failed":
        left = any(host["state"] in LEFT_BEHIND for host in hosts.values())
        return [f"{verb} playbooks/verify.yml", *([f"{verb} deploy.yml"] if left else [])]
    if outcome == "interrupted":
        return [f"{verb} playbooks/status.yml"]
    again = "deploy.yml" if told.kind == "release" else f"playbooks/{told.kind}.yml"
    return [f"{verb} playbooks/verify.yml", f"{verb} {again}"]
