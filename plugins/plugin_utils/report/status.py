"""The fleet as a table: pure text from what `asgi.fleet.app_info` returned."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from ansible_collections.asgi.fleet.plugins.module_utils.protocol.state import ApplicationState
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.backups import backup_remarks
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.certificates import (
    certificate_needs,
    left_text,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.processes import processes_line
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.served import (
    Balancers,
    balancer_faults,
    served,
    told,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.timers import timer_lines
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.upkeep import Need, remarks
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.verification import drift, problems

COLUMNS = (
    *("HOST", "RELEASE", "SLOT", "SINCE (UTC)", "WORKERS", "MEMORY", "CPU", "HEALTH"),
    *("CERTIFICATE", "WORKER PIDS"),
)
#: The last column, if the comparison was asked for.
DRIFT_COLUMN = "DRIFT"

RELEASE_COLUMNS = ("RELEASE", "STATE", "BUILT (UTC)", "BY", "HASHES", "SOURCE")


def fleet_states(
    hostvars: Mapping[str, Mapping[str, Any]], hosts: Iterable[str], compared: object = True
) -> dict[str, ApplicationState]:
    """Return the state of the application on each host, from what the tasks registered.

    Args:
        hostvars: The variables of all hosts: `fleet_look`, the result of `asgi.fleet.app_info`, or
            `balancer_look`, that of `asgi.fleet.balancer_info`, and `gunicorn_service_result` if
            the live slot was compared with the inventory.
        hosts: The hosts of the table.
        compared: Whether that was done in this survey; a rollout leaves a result of the same name.
    """
    with_drift = str(compared).lower() == "true"
    return {host: _state(hostvars[host], with_drift) for host in hosts}


def _state(variables: Mapping[str, Any], with_drift: bool) -> ApplicationState:
    looks = [variables.get(name) or {} for name in ("fleet_look", "balancer_look")]
    # A task that was skipped leaves a result as well.
    look = next((look for look in looks if look and not look.get("skipped")), None)
    if look is None:
        return {"error": "it was not asked", "unreachable": True}
    if "state" not in look:
        why = str(look.get("msg") or "no answer").strip()
        return {"error": why, "unreachable": bool(look.get("unreachable"))}
    state: ApplicationState = dict(look["state"])  # type: ignore[assignment]
    compared = variables.get("gunicorn_service_result", {})
    if with_drift and "reasons" in compared and state.get("live"):
        state["drift"] = compared["reasons"]
    return state


def table(
    states: Mapping[str, Mapping[str, Any] | None],
    balancers: Mapping[str, Mapping[str, Any] | None] | None = None,
) -> list[str]:
    """Return the lines of the table: a header and one line for each host, in the given order.

    Its health is what a visitor gets. Remarks that fit in no column follow below: why that is not
    200, why a host's state could not be collected, who runs a rollout, and what a host or a
    balancer needs, such as security updates.

    Args:
        states: Host to the `state` of `asgi.fleet.app_info`, with `drift`, the reasons of
            `asgi.fleet.slot`, if compared; None or only `error` for a host that did not answer.
        balancers: Balancer to the `state` of `asgi.fleet.balancer_info`, as for `states`.
    """
    fronts = {name: state or {} for name, state in (balancers or {}).items()}
    with_drift = any("drift" in state for state in states.values() if state)
    rows: list[Sequence[str]] = [(*COLUMNS, DRIFT_COLUMN) if with_drift else COLUMNS]
    for host, state in states.items():
        row = _row(host, state, fronts)
        rows.append((*row, _drift(state or {})) if with_drift else row)
    lines = aligned(rows)
    for host, state in states.items():
        known = state or {}
        lines += [*_remarks(host, known), *_unserved(host, known, fronts), *remarks(host, known)]
        lines += backup_remarks(host, known)
    lines += timer_lines(states)
    for host, known in fronts.items():
        lines += [f"{host}: {text}" for text in told(balancer_faults(known))]
        lines += [*_remarks(host, known), *remarks(host, known, balancer=True)]
    return lines


def document(
    states: Mapping[str, Mapping[str, Any] | None],
    balancers: Mapping[str, Mapping[str, Any] | None] | None = None,
) -> str:
    """Return the states for programs, as one line of JSON.

    `complete` says whether all hosts and balancers answered; one that did not has only `error`.
    """
    hosts, fronts = (
        {host: state or {"error": "it was not asked"} for host, state in some.items()}
        for some in (states, balancers or {})
    )
    complete = not any("error" in state for state in [*hosts.values(), *fronts.values()])
    return json.dumps({"complete": complete, "hosts": hosts, "balancers": fronts}, sort_keys=True)


def releases_table(releases: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a header and one line for each release of a host.

    Args:
        releases: `state.releases` of `asgi.fleet.app_info`.
    """
    rows: list[Sequence[str]] = [RELEASE_COLUMNS]
    for release in releases:
        source = release["source"]
        origin = source.get("url") or source.get("path") or source.get("name") or "-"
        rows.append(
            (
                release["id"],
                release["state"] + (", pinned" if release["pinned"] else ""),
                _minute(release["built_at"]),
                release["built_by"] or "-",
                release["hashes"],
                f"{origin} {release['commit'][:12]}".strip(),
            )
        )
    return aligned(rows)


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a line for each row, with aligned columns."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]


def _minute(when: int) -> str:
    """Return Unix time as UTC to the minute."""
    return datetime.fromtimestamp(when, timezone.utc).strftime("%Y-%m-%d %H:%M")


def _row(host: str, state: Mapping[str, Any] | None, balancers: Balancers) -> tuple[str, ...]:
    if not state or "error" in state:
        asked = state and not state.get("unreachable", True)
        return (host, "FAILED" if asked else "unreachable", *["-"] * (len(COLUMNS) - 2))
    live = state["live"]
    if live is None:
        return (host, "none yet", *["-"] * 6, left_text(state["certificate"], state["at"]), "-")
    workers = state["workers"]
    healthy = sum(worker["healthy"] for worker in workers)
    cpu = state["cpu_percent"]
    return (
        host,
        live["release"],
        live["slot"] + ("" if live["enabled"] else " (not enabled!)"),
        _minute(live["since"]),
        f"{healthy} of {state['workers_planned']}",
        f"{state['memory_mb']} MB",
        "-" if cpu is None else f"{cpu:.0f} %",
        _health(host, state, balancers),
        left_text(state["certificate"], state["at"]),
        " ".join(str(worker["pid"]) for worker in workers) or "-",
    )


def _drift(state: Mapping[str, Any]) -> str:
    if "drift" not in state:
        return "-"
    return ", ".join(drift(state["drift"])) or "none"


def _remarks(host: str, state: Mapping[str, Any]) -> Iterator[str]:
    if "error" in state:
        yield f"{host}: {state['error']}"
    elif state.get("lock"):
        lock = state["lock"]
        yield (
            f"{host}: {state['application']} is locked by {lock['who']} since "
            f"{_minute(lock['since'])} UTC (rollout {lock['rollout']})"
        )
    if processes := state.get("processes", []):
        yield f"{host}: {processes_line(processes, state['at'] - state['live']['since'])}"
    for problem in problems(state.get("workers", [])):
        yield f"{host}: {problem}"
    for need in _of_certificates(state):
        yield f"{host}: {need.seen}; to do: {need.todo}"


def _of_certificates(state: Mapping[str, Any]) -> Iterator[Need]:
    """Yield what is wrong with the certificate of a host, or with those of a balancer."""
    if "certificate" in state:
        name = state["application"]
        yield from certificate_needs(state["certificate"], state["at"], name=name)
    for site, certificate in (state.get("certificates") or {}).items():
        which = f"the certificate of {site}"
        yield from certificate_needs(certificate, state["at"], name=site, which=which)


def _health(host: str, state: Mapping[str, Any], balancers: Balancers) -> str:
    """Return what a visitor gets, by the first hop that fails, from the application outwards."""
    if not state["live"]["active"]:
        return "NOT RUNNING"
    if state["health"] != 200:
        return f"{state['health']} (application)" if state["health"] else "NO ANSWER"
    visit = served(host, state["application"], state, balancers)
    if visit.faults:
        return visit.faults[0].short
    if visit.cut_off:
        return "not served (balancer)"
    drained = f", drained at {', '.join(visit.drained)}" if visit.drained else ""
    return ("503 maintenance" if visit.maintenance else "200 OK") + drained


def _unserved(host: str, state: Mapping[str, Any], balancers: Balancers) -> Iterator[str]:
    """Yield why visitors of a host are not served although its application is healthy."""
    if state.get("live") and state["live"]["active"] and state["health"] == 200:
        for text in told(served(host, state["application"], state, balancers).faults):
            yield f"{host}: {text}"
