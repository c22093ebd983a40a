"""A rollout over a fleet: its waves, the outcome of each host, and what a failure reverts.

Pure: runs on the controller, and knows only the inventory names of hosts. A rollout may include
several applications; each has its own waves and its own outcome.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

from ansible_collections.asgi.fleet.plugins.plugin_utils.report.failures import grouped
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.served import (
    known_balancers,
    served,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.status import aligned
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.upkeep import refused_text
from ansible_collections.asgi.fleet.plugins.plugin_utils.rollout.canary_analysis import (
    Limits,
    Verdict,
    judge,
)

#: Maximum number of hosts of a wave that the plan names.
NAMED_HOSTS = 6
#: What the reason begins with when the operator has ended a rollout.
INTERRUPTED = "interrupted"
#: Seconds between two looks at what a wave serves while it soaks.
LOOK_SECONDS = 5.0
#: Looks in one soak: a long one is looked at less often.
MOST_LOOKS = 60


class RolloutPlan(TypedDict):
    """A rollout's waves.

    Keys:
        order: The hosts in the order of their waves.
        sizes: How many hosts each wave has: with `order`, what `serial` takes.
        waves: For each application, its waves of hosts.
        first: For each application, the host that runs what must run once.
        peers: For a host, one of the same application in a later wave, as its baseline.
        last: The hosts of each application's last wave.
        without: For each application that is left out, its hosts that had already failed.
        left_out: The hosts of these applications.
    """

    order: list[str]
    sizes: list[int]
    waves: dict[str, list[list[str]]]
    first: dict[str, str]
    peers: dict[str, str]
    last: list[str]
    without: dict[str, list[str]]
    left_out: list[str]


class HostOutcome(TypedDict, total=False):
    """The outcome of a host in its wave.

    Keys:
        app: Its application.
        release: Id of the release that it was to run.
        state: `live`, `refused` (nothing changed) or `unreachable`.
        reason: Why it is not live.
        changed: Whether the host was switched, or ran the release already.
        notes: What `asgi.fleet.slot` says about the host.
        look: The `state` of `asgi.fleet.app_info` after the soak, if it was collected.
        unserved: Why no visitor is served there since the soak; empty if one is, if that is not
            known, and if it was so before the rollout began.
        traffic: What it has served since, if it was collected.
        waiting: What its peer has served in the same time.
        soak_seconds: How long it soaks after it was switched.
        limits: The keys of `canary_analysis.Limits`.
        on_failure: `revert_all`, `revert_wave` or `stop`.
    """

    app: str
    release: str
    state: str
    reason: str
    changed: bool
    notes: Sequence[str]
    look: Mapping[str, Any] | None
    unserved: str
    traffic: Mapping[str, Any] | None
    waiting: Mapping[str, Any] | None
    soak_seconds: float
    limits: Mapping[str, Any]
    on_failure: str


@dataclass
class _Progress:
    """The progress of a rollout: hosts done, applications stopped, hosts to revert."""

    hosts: dict[str, dict[str, str]]
    stopped: dict[str, str]
    to_revert: list[str]
    lines: list[str]


def plan_waves(
    deployments: Mapping[str, Mapping[str, Any]],
    failed: Iterable[str] = (),
    waves: Sequence[int | str] | None = None,
) -> RolloutPlan:
    """Return the waves of a rollout.

    An entry of `fleet_waves` is a number of hosts, or a share of the application's hosts rounded
    down, at least one; the last entry is repeated until all hosts are done (as `serial` does).

    Args:
        deployments: The checked variables of the hosts, in the order of the inventory; the waves
            of an application are those of its first host.
        failed: Hosts that already failed in this run, for example while they were provisioned.
            None of their application's hosts begins: otherwise the fleet would run two releases.
        waves: Waves to use instead of every application's `fleet_waves`.
    """
    hosts: dict[str, list[str]] = {}
    for host, deployment in deployments.items():
        hosts.setdefault(deployment["app_name"], []).append(host)
    out = set(failed)
    without = {
        app: [name for name in names if name in out]
        for app, names in hosts.items()
        if out.intersection(names)
    }
    cut = {
        app: _cut(names, waves or deployments[names[0]]["fleet_waves"])
        for app, names in hosts.items()
        if app not in without
    }
    count = max(map(len, cut.values()), default=0)
    merged = [
        [host for of_app in cut.values() for host in (of_app[n] if n < len(of_app) else [])]
        for n in range(count)
    ]
    return {
        "order": [host for wave in merged for host in wave],
        "sizes": [len(wave) for wave in merged],
        "waves": cut,
        "first": {app: of_app[0][0] for app, of_app in cut.items()},
        "peers": dict(pair for of_app in cut.values() for pair in _peers(of_app)),
        "last": [host for of_app in cut.values() for host in of_app[-1]],
        "without": without,
        "left_out": [host for app in without for host in hosts[app]],
    }


def _cut(hosts: Sequence[str], entries: Sequence[int | str]) -> list[list[str]]:
    waves: list[list[str]] = []
    done = 0
    while done < len(hosts):
        entry = entries[min(len(waves), len(entries) - 1)]
        text = str(entry)
        size = len(hosts) * int(text[:-1]) // 100 if text.endswith("%") else int(text)
        waves.append(list(hosts[done : done + max(1, size)]))
        done += len(waves[-1])
    return waves


def _peers(waves: Sequence[Sequence[str]]) -> Iterable[tuple[str, str]]:
    for number, wave in enumerate(waves):
        waiting = [host for later in waves[number + 1 :] for host in later]
        yield from zip(wave, waiting, strict=False)


def plan_lines(plan: RolloutPlan) -> list[str]:
    """Return the plan as text, one line for each application and each of its waves."""
    lines = []
    for app, waves in plan["waves"].items():
        count = sum(map(len, waves))
        lines.append(f"{app}: {_count(count, 'host')} in {_count(len(waves), 'wave')}")
        for number, wave in enumerate(waves, 1):
            rest = len(wave) - NAMED_HOSTS
            more = f" and {rest} more" if rest > 0 else ""
            lines.append(f"  wave {number}: {', '.join(wave[:NAMED_HOSTS])}{more}")
    for app, failed in plan["without"].items():
        lines.append(
            f"{app}: no host begins, because {', '.join(failed)} failed before the rollout"
        )
    failed_before = {host for failed in plan["without"].values() for host in failed}
    if plan["left_out"]:
        states = {True: "failed before", False: "not begun"}
        rows = [(host, states[host in failed_before]) for host in plan["left_out"]]
        lines += aligned([("HOST", "STATE"), *rows])
    return lines


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def wave_outcomes(
    hostvars: Mapping[str, Mapping[str, Any]],
    hosts: Iterable[str],
    progress: Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> dict[str, HostOutcome]:
    """Return the outcomes of the hosts of a wave.

    Args:
        hostvars: The variables of each host.
        hosts: The hosts of the wave.
        progress: What `close_wave` returned for the previous wave: hosts of an application that
            has stopped were left unchanged, and have no outcome.
        settings: See `host_outcome`.
    """
    stopped = (progress or {}).get("stopped", {})
    return {
        host: host_outcome(hostvars[host], settings or {})
        for host in hosts
        if hostvars[host]["deployment"]["app_name"] not in stopped
    }


def host_outcome(variables: Mapping[str, Any], settings: Mapping[str, Any]) -> HostOutcome:
    """Return the outcome of a host in its wave, from what its tasks registered.

    Args:
        variables: The host's: `deployment`, `rollout_target`, `rollout_begun`,
            `gunicorn_service_result` (of `asgi.fleet.slot`), and after a soak `wave_look`,
            `balancers_asked`, `wave_traffic`, `wave_waiting`.
        settings: `soak_seconds` and `on_failure`, if the playbook sets them.
    """
    deployment = variables["deployment"]
    result = variables.get("gunicorn_service_result", {})
    found: HostOutcome = {
        "app": deployment["app_name"],
        "release": variables["rollout_target"]["id"],
        "state": "live",
        "reason": "",
        "changed": bool(result.get("changed")),
        "notes": result.get("notes", []),
        "soak_seconds": settings.get("soak_seconds", deployment["fleet_soak_seconds"]),
        "on_failure": settings.get("on_failure", deployment["fleet_on_failure"]),
        "limits": {
            "max_error_ratio": deployment["fleet_max_error_ratio"],
            "max_p99_ms": deployment["fleet_max_p99_ms"],
            "min_requests": deployment["fleet_min_requests"],
        },
    }
    if result.get("unreachable") or result.get("failed") or result.get("is_refusal"):
        found |= {
            "state": "unreachable" if result.get("unreachable") else "refused",
            "reason": failure_text(result),
            "changed": False,
        }
    look = variables.get("wave_look")
    if look is not None:
        found["look"] = look.get("state", {"unreachable": True})
        found["unserved"] = _unserved(variables, look.get("state"))
        found["traffic"] = variables.get("wave_traffic", {}).get("traffic")
        found["waiting"] = variables.get("wave_waiting", {}).get("traffic")
    return found


def _unserved(variables: Mapping[str, Any], look: Mapping[str, Any] | None) -> str:
    """Return why a host serves no visitor, unless that was so when the rollout began."""
    host = str(variables.get("inventory_hostname", ""))
    app = variables["deployment"]["app_name"]
    before = served(host, app, (variables.get("rollout_begun") or {}).get("front"))
    now = served(host, app, look, known_balancers(variables.get("balancers_asked")))
    return next((fault.seen for fault in now.faults if fault not in before.faults), "")


def failure_text(result: Mapping[str, Any]) -> str:
    """Return why a task failed on a host."""
    return str(result.get("msg") or "no reason given").strip()


def soak_seconds(outcomes: Mapping[str, HostOutcome], last: Iterable[str]) -> float:
    """Return how long a wave soaks: the longest time that one of its applications needs.

    An application needs no soak if none of its hosts was switched, or if it has already failed;
    after its last wave, it soaks only if it is judged by what it serves.

    Args:
        outcomes: The hosts of the wave.
        last: The hosts of last waves.
    """
    failed = {found["app"] for found in outcomes.values() if found["state"] != "live"}
    ending = set(last)
    watched = (
        found["soak_seconds"]
        for host, found in outcomes.items()
        if found["changed"]
        and found["app"] not in failed
        and (host not in ending or _is_judged(found["limits"]))
    )
    return max(watched, default=0)


def _is_judged(limits: Mapping[str, Any]) -> bool:
    return any(limits.get(name) is not None for name in ("max_error_ratio", "max_p99_ms"))


def soak_moments(seconds: float, now: float) -> list[float]:
    """Return when to look at what a wave serves while it soaks (Unix times); the last is its end.

    Args:
        seconds: What `soak_seconds` returned.
        now: Unix time.
    """
    if seconds <= 0:
        return []
    step = max(LOOK_SECONDS, seconds / MOST_LOOKS)
    looks = [now + step * number for number in range(1, int(seconds / step) + 1)]
    # Not twice within a second.
    return [*(moment for moment in looks if moment < now + seconds - 1), now + seconds]


def close_wave(
    progress: Mapping[str, Any] | None,
    outcomes: Mapping[str, HostOutcome],
    *,
    interrupted: bool = False,
) -> dict[str, Any]:
    """Return the progress of the rollout after a wave.

    Args:
        progress: The progress after the previous wave; None or empty before the first.
        outcomes: The hosts of this wave.
        interrupted: Whether the operator wants the rollout to end; it does, as after a failure.

    Returns:
        `hosts` (for each host done its app, release, state and reason), `stopped` (the reason, for
        each application whose rollout has stopped), `to_revert` (hosts to revert) and `lines` (what
        the operator should see of this wave).
    """
    before = progress or {}
    after = _Progress(
        hosts=dict(before.get("hosts", {})),
        stopped=dict(before.get("stopped", {})),
        to_revert=list(before.get("to_revert", [])),
        lines=[],
    )
    apps: dict[str, dict[str, HostOutcome]] = {}
    for host, found in outcomes.items():
        apps.setdefault(found["app"], {})[host] = found
    for app, wave in apps.items():
        _close(app, wave, after, interrupted=interrupted)
    return vars(after)


def _close(
    app: str, wave: Mapping[str, HostOutcome], after: _Progress, *, interrupted: bool
) -> None:
    """Add one application's wave."""
    states = {host: _state(found) for host, found in wave.items()}
    bad = grouped({host: reason for host, (state, reason) in states.items() if state != "live"})
    verdict = Verdict(ok=True, lines=[])
    if not bad:
        verdict = _judge(wave)
    for host, found in wave.items():
        state, reason = states[host]
        after.hosts[host] = {
            "app": app,
            "release": found["release"],
            "state": state,
            "reason": reason,
        }
    after.lines += [f"{app}: {line}" for line in [*_notes(wave), *verdict.lines]]
    if not bad and verdict.ok and interrupted:
        bad = [f"{INTERRUPTED} by the operator (Ctrl-C)"]
    if not bad and verdict.ok:
        return
    told: dict[str, list[str]] = {}
    for host, (state, _reason) in states.items():
        if state != "live":
            told.setdefault(state, []).append(host)
    after.lines += [f"{app}: {state}: {', '.join(hosts)}" for state, hosts in told.items()]
    after.stopped[app] = "\n".join(bad or verdict.reasons)
    mode = next(iter(wave.values()))["on_failure"]
    if mode == "stop":
        return
    after.to_revert += [
        host
        for host, done in after.hosts.items()
        # A host that did not answer may have been switched before: it is asked again.
        if done["app"] == app
        and done["state"] != "refused"
        and (mode == "revert_all" or host in wave)
    ]


def _notes(wave: Mapping[str, HostOutcome]) -> Iterator[str]:
    """Yield what the hosts of a wave note, and what their sandbox refused during the soak."""
    hosts: dict[str, list[str]] = {}
    for host, found in wave.items():
        look = found.get("look") or {}
        warnings = map(refused_text, look.get("refused") or [])
        for note in [*found.get("notes", []), *warnings]:
            hosts.setdefault(note, []).append(host)
    for note, named in hosts.items():
        more = f" and {len(named) - 1} more" if len(named) > 1 else ""
        yield f"{named[0]}{more}: {note}"


def _state(found: HostOutcome) -> tuple[str, str]:
    """Return a host's state and the reason for it, as seen at the end of the soak."""
    if found["state"] != "live":
        return found["state"], found["reason"]
    look = found.get("look")
    if look is None:
        return "live", ""
    if look.get("unreachable"):
        return "unreachable", "was healthy at its cut-over, and has not answered since"
    if not look["live"] or not look["live"]["active"]:
        return "unhealthy", "was healthy at its cut-over, and no longer runs"
    if look["health"] != 200:
        said = f"answers {look['health']}" if look["health"] else "does not answer"
        return "unhealthy", f"was healthy at its cut-over, and now its health path {said}"
    if found.get("unserved"):
        return "unhealthy", f"is healthy, and visitors are not served: {found['unserved']}"
    return "live", ""


def _judge(wave: Mapping[str, HostOutcome]) -> Verdict:
    limits = next(iter(wave.values()))["limits"]
    switched = {host: found.get("traffic") for host, found in wave.items() if found["changed"]}
    if not switched or not _is_judged(limits):
        return Verdict(ok=True, lines=[])
    waiting = {host: found.get("waiting") for host, found in wave.items() if found.get("waiting")}
    return judge(switched, waiting, Limits(**limits))
