"""The end of a rollout: every host with its release and state, and why the run fails."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.asgi.fleet.plugins.module_utils.protocol.text import folded
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.served import (
    Balancers,
    Served,
    balancer_faults,
    is_set_up,
    known_balancers,
    served,
    told,
    unserving,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.status import aligned
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.upkeep import refused_text
from ansible_collections.asgi.fleet.plugins.plugin_utils.rollout.waves import (
    INTERRUPTED,
    RolloutPlan,
    failure_text,
)


def rollout_report(
    progress: Mapping[str, Any], plan: RolloutPlan, hostvars: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """Return what the operator sees at the end of a rollout.

    Args:
        progress: What `close_wave` returned for the last wave.
        plan: The plan of the rollout.
        hostvars: The variables of each host: `deployment`; `rollout_reverted` and `rollout_ended`,
            the results of reverting it and of ending the rollout on it; and `balancers_asked`, what
            the balancers told at the end.

    Returns:
        `lines`, a table of every host, and `failure`, the message of a rollout that has failed, or
        an empty text.
    """
    order = plan["order"]
    reverted = {host: hostvars[host].get("rollout_reverted", {}) for host in order}
    ended = {host: hostvars[host].get("rollout_ended", {}) for host in order}
    balancers = _balancers(plan, hostvars)
    visits = {
        host: served(host, _app(plan, host), found["front"], balancers)
        for host, found in ended.items()
        if found.get("front")
    }
    failed = list(progress.get("stopped", {})) + [
        host for host, found in ended.items() if found.get("failed") or found.get("unreachable")
    ]
    unserved = [
        host for host, visit in visits.items() if visit.faults and not _is_allowed(hostvars[host])
    ]
    unserved += unserving(balancers) if visits else []
    return {
        "lines": [
            *rollout_lines(progress, order, reverted, ended, visits),
            *_of_balancers(balancers),
            *_warnings(order, hostvars),
            *_left_out(plan),
        ],
        "failure": _failure(list(dict.fromkeys(failed)), unserved, progress.get("stopped", {})),
    }


def _balancers(plan: RolloutPlan, hostvars: Mapping[str, Mapping[str, Any]]) -> Balancers:
    """Return what the balancers told of the applications of this rollout, and of no other."""
    asked = (known_balancers(hostvars[host].get("balancers_asked")) for host in plan["order"])
    return {
        name: {
            **state,
            "answers": {
                app: answer
                for app, answer in (state.get("answers") or {}).items()
                if app in plan["waves"]
            },
        }
        for name, state in next(filter(None, asked), {}).items()
    }


def _is_allowed(variables: Mapping[str, Any]) -> bool:
    """Return whether the operator has said that the host may be without visitors."""
    return bool((variables.get("deployment") or {}).get("fleet_allow_unserved"))


def _app(plan: RolloutPlan, host: str) -> str:
    return next(
        (app for app, waves in plan["waves"].items() if any(host in wave for wave in waves)), ""
    )


def _failure(failed: Sequence[str], unserved: Sequence[str], stopped: Mapping[str, str]) -> str:
    interrupted = [app for app in failed if stopped.get(app, "").startswith(INTERRUPTED)]
    if interrupted and interrupted == list(failed):
        return (
            f"the rollout was interrupted (see above): {', '.join(interrupted)}. Nothing resumes "
            "automatically: run the command again when it may go on"
        )
    if failed:
        return (
            f"the rollout failed (see above): {', '.join(failed)}. Nothing resumes automatically: "
            "fix the cause and run the command again"
        )
    if unserved:
        return f"visitors are not served (see above): {', '.join(unserved)}"
    return ""


def _of_balancers(balancers: Balancers) -> list[str]:
    """Return what is wrong with the balancers themselves."""
    lines = []
    for name, state in balancers.items():
        if "error" in state:
            lines.append(f"{name}: whether it sends requests is not known: {state['error']}")
        elif is_set_up(state):
            lines += [f"{name}: {text}" for text in told(balancer_faults(state))]
    return lines


def _warnings(order: Sequence[str], hostvars: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return what the sandbox of each host has refused since, but for what its wave has told.

    And why no timer of a host makes the application's backups.
    """
    hosts: dict[str, list[str]] = {}
    for host in order:
        known = (hostvars[host].get("wave_look", {}).get("state") or {}).get("refused") or []
        for one in hostvars[host].get("rollout_ended", {}).get("refused") or []:
            if one not in known:
                hosts.setdefault(refused_text(one), []).append(host)
        backup = hostvars[host].get("backup_result") or {}
        if backup.get("is_refusal"):
            told = f"WARNING: its timer makes no backups: {failure_text(backup)}"
            hosts.setdefault(told, []).append(host)
    return [f"{', '.join(named)}: {text}" for text, named in hosts.items()]


def _left_out(plan: RolloutPlan) -> list[str]:
    return [
        f"{app}: nothing was released, because {', '.join(hosts)} failed before the rollout began"
        for app, hosts in plan["without"].items()
    ]


def rollout_lines(
    progress: Mapping[str, Any],
    order: Sequence[str],
    reverted: Mapping[str, Mapping[str, Any]],
    ended: Mapping[str, Mapping[str, Any]],
    visits: Mapping[str, Served] | None = None,
) -> list[str]:
    """Return every host with its release and its state at the end of a rollout, as a table.

    Args:
        progress: What `close_wave` returned for the last wave.
        order: The hosts of the rollout.
        reverted: The results of reverting, for the hosts where it was tried.
        ended: The results of ending the rollout on each host.
        visits: What visitors get of the hosts that were asked.
    """
    if not order:
        return []
    rows = [("HOST", "RELEASE", "STATE")]
    notes = []
    for host in order:
        done = progress.get("hosts", {}).get(host)
        state, note = end_state(done, reverted.get(host) or None)
        if note:
            notes.append(f"{host}: {note}")
        result = ended.get(host) or {}
        if result.get("unreachable"):
            state = "unreachable"
        elif result.get("failed"):
            notes.append(f"{host}: the rollout could not be ended there: {failure_text(result)}")
        visit = (visits or {}).get(host, Served())
        notes += [f"{host}: {text}" for text in told(visit.faults)]
        if visit.maintenance and not visit.faults:
            notes.append(
                f"{host}: visitors get 503, the maintenance page; to end it: ansible-playbook "
                "playbooks/maintenance.yml -e maintenance=off"
            )
        state += _addition(visit)
        release = result.get("live")
        rows.append((host, "?" if release is None else release or "none", state))
    for app, reason in progress.get("stopped", {}).items():
        # Of a journal of 40 equal lines, nothing else would be left on the screen.
        notes.append(f"The rollout of {app} failed:\n" + "\n".join(folded(reason)))
    return [*aligned(rows), *(["", *notes] if notes else [])]


def _addition(visit: Served) -> str:
    """Return what a host's state needs, to be what a visitor gets."""
    if visit.faults or visit.cut_off:
        return ", but not served"
    drained = f", drained at {', '.join(visit.drained)}" if visit.drained else ""
    return f"{', in maintenance' if visit.maintenance else ''}{drained}"


def end_state(
    done: Mapping[str, str] | None, reverted: Mapping[str, Any] | None
) -> tuple[str, str]:
    """Return a host's last state, and a note for the operator."""
    if done is None:
        return "not begun", ""
    if reverted is None:
        return done["state"], ""
    if reverted.get("unreachable"):
        return (
            "unreachable",
            "could not be reverted, since it does not answer; the next run brings it up to date",
        )
    if reverted.get("failed"):
        return "NOT REVERTED", f"could not be reverted: {failure_text(reverted)}"
    if reverted.get("changed"):
        return "reverted", ""
    # It answered after all, and runs nothing of this rollout: it is unchanged.
    return "unchanged" if done["state"] in ("live", "unreachable") else done["state"], ""
