"""What is wrong with a fleet: findings from the states of its hosts, with what to do. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from ansible_collections.asgi.fleet.plugins.module_utils.protocol.state import SLOT_PARTS, Reason
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.backups import backup_needs
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.bounds import Bounds, limits
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.certificates import (
    certificate_needs,
    remedy,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.processes import (
    process_faults,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.served import (
    Balancers,
    balancer_faults,
    served,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.singletons import homeless
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.upkeep import (
    FAULT,
    NOTE,
    WARNING,
    full_disks,
    needs,
    wrong_units,
)

SECONDS_PER_HOUR = 3600
DEPLOY = "run ansible-playbook deploy.yml"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong on one host; `severity` is `fault` or `warning`."""

    host: str
    seen: str
    todo: str
    severity: str = FAULT


@dataclass(frozen=True)
class Host:
    """One host and its state.

    Attributes:
        name: Its name in the inventory.
        application: The application that it should serve.
        domains: The names that it is reached by.
        state: `state` of `asgi.fleet.app_info`; with only `error` if it could not be asked.
        others: States of all hosts of the same application.
        balancers: States of the balancers.
        mode: Where its certificate comes from.
    """

    name: str
    application: str
    domains: Sequence[str]
    state: Mapping[str, Any]
    others: Sequence[Mapping[str, Any]]
    balancers: Balancers
    mode: str = ""


def verify(
    states: Mapping[str, Mapping[str, Any] | None],
    deployments: Mapping[str, Mapping[str, Any]],
    given: Mapping[str, object] | None = None,
    balancers: Mapping[str, Mapping[str, Any] | None] | None = None,
) -> dict[str, Any]:
    """Return what is wrong, what is worth knowing, and both as lines of text.

    Args:
        states: Host to the `state` of `asgi.fleet.app_info`, with `drift`, the reasons of
            `asgi.fleet.slot`, if compared; None or only `error` for a host that did not answer.
        deployments: host to its checked variables (the fact `deployment`).
        given: see `limits`.
        balancers: Balancer to the `state` of `asgi.fleet.balancer_info`, as for `states`.

    Returns:
        `ok`, `findings`, `notes`, `lines`, `failed`, the hosts that fail the verification, and
        `hosts` and `balancers`, the states.

    Raises:
        ValueError: a limit is not allowed.
    """
    bounds = limits(given or {})
    known, fronts = (
        {host: state or {"error": "it was not asked"} for host, state in some.items()}
        for some in (states, balancers or {})
    )
    names = {host: str(deployments.get(host, {}).get("app_name", "")) for host in known}
    findings: list[Finding] = []
    for name, state in known.items():
        host = Host(
            name,
            names[name],
            deployments.get(name, {}).get("app_domain", []),
            state,
            [other for at, other in known.items() if names[at] == names[name]],
            fronts,
        )
        host = replace(host, mode=_mode(deployments.get(name, {}), fronts))
        findings += [Finding(name, *told) for told in _examine(host, bounds)]
        estimate = int(deployments.get(name, {}).get("app_worker_memory_mb") or 0)
        findings += [Finding(name, *told, WARNING) for told in _of_estimate(state, estimate)]
    findings += _of_backups(names, known, deployments, whole=bounds.whole)
    findings += [Finding(*told) for told in homeless(known, whole=bounds.whole)]
    modes = {str(one.get("app_name", "")): _mode(one, {}) for one in deployments.values()}
    for name, state in fronts.items():
        findings += [Finding(name, *told) for told in _of_balancer(state, bounds, modes)]
    notes = [
        note for name, state in known.items() for note in _notes(name, names[name], state, fronts)
    ]
    for name, state in (known | fronts).items():
        for need in needs(name, state, balancer=name in fronts):
            if need.severity == NOTE:
                notes.append(f"{name}: {need.seen}")
            else:
                findings.append(Finding(name, need.seen, need.todo, need.severity))
    failing = [one for one in findings if bounds.fail_on == WARNING or one.severity == FAULT]
    return {
        "ok": not failing,
        "failed": sorted({finding.host for finding in failing}),
        "findings": [asdict(finding) for finding in findings],
        "notes": notes,
        "lines": _lines(findings, notes, known | fronts),
        "hosts": known,
        "balancers": fronts,
    }


def _of_backups(
    names: Mapping[str, str],
    states: Mapping[str, Mapping[str, Any]],
    deployments: Mapping[str, Mapping[str, Any]],
    *,
    whole: bool,
) -> list[Finding]:
    """Return what is wrong with the backups of each application."""
    found = []
    for app in dict.fromkeys(names.values()):
        hosts = [host for host, name in names.items() if name == app]
        wanted = deployments.get(hosts[0], {}).get("app_backup") or {}
        mine = {host: states[host] for host in hosts}
        for host, need in backup_needs(app, wanted, mine, whole=whole):
            found.append(Finding(host, need.seen, need.todo, need.severity))
    return found


def rolling_out(host: Host, bounds: Bounds) -> bool:
    """Return whether a rollout of the host's application is running: a lock that is not stale."""
    return any(
        state.get("lock") and state["at"] - state["lock"]["since"] < _seconds(bounds)
        for state in host.others
    )


def wanted_release(host: Host, bounds: Bounds) -> tuple[str, str]:
    """Return the release that the host should run, and where that is from; empty if unknown."""
    if bounds.release:
        return bounds.release, "-e release"
    finished = [state["finished"] for state in host.others if state.get("finished")]
    if finished:
        # A host that was down has an older record, or none.
        last = max(finished, key=lambda record: record["at"])
        return str(last["release"]), "the last rollout"
    live = Counter(state["live"]["release"] for state in host.others if state.get("live"))
    most = live.most_common(2)
    if len(most) == 2 and most[0][1] > most[1][1]:
        return most[0][0], f"{most[0][1]} of {len(host.others)} hosts"
    return "", ""


def certificate_lacks(names: Sequence[str], domains: Sequence[str]) -> list[str]:
    """Return the domains that no name of a certificate covers.

    A wildcard stands for exactly the left-most label (RFC 6125, section 6.4.3).
    """
    known = {name.lower() for name in names}
    return [
        domain
        for domain in domains
        if not known & {domain.lower(), "*." + domain.lower().partition(".")[2]}
    ]


def drift(reasons: Sequence[Reason]) -> list[str]:
    """Return what differs from the inventory, such as `environment`, of a cut-over's reasons."""
    return [reason["kind"] for reason in reasons if reason["kind"] in SLOT_PARTS]


def _examine(host: Host, bounds: Bounds) -> Iterator[tuple[str, ...]]:
    """Yield what is wrong with one host, what to do, and a severity that is not `fault`."""
    if "error" in host.state:
        yield _unknown(host.state)
        return
    yield from _of_host(host, bounds)
    yield from _of_certificate(host, bounds)
    if host.state["live"] is None:
        yield f"{host.application} has no live release", DEPLOY
        return
    yield from _of_service(host)
    yield from _of_site(host)
    if not rolling_out(host, bounds):
        yield from _of_release(host, bounds)


def _unknown(state: Mapping[str, Any]) -> tuple[str, str]:
    """Return that a host's state could not be collected, and what to do."""
    if state.get("unreachable", True):
        todo = "make sure that it runs and ssh reaches it, then bring it up to date: deploy.yml"
        return f"did not answer: {state['error']}", todo
    return f"could not be asked: {state['error']}", "correct that on the host"


def _mode(deployment: Mapping[str, Any], balancers: Balancers) -> str:
    """Return where a certificate comes from; behind balancers, ACME is theirs alone."""
    mode = str((deployment.get("app_tls") or {}).get("mode", ""))
    return "selfsigned" if mode == "acme" and balancers else mode


def _of_balancer(
    state: Mapping[str, Any], bounds: Bounds, modes: Mapping[str, str]
) -> Iterator[tuple[str, ...]]:
    """Yield what is wrong with a balancer, what to do, and a severity that is not `fault`."""
    if "error" in state:
        yield _unknown(state)
        return
    yield from full_disks(state, bounds.disk_percent)
    yield from wrong_units(state)
    for site, certificate in (state.get("certificates") or {}).items():
        for need in certificate_needs(
            certificate,
            state["at"],
            name=site,
            mode=modes.get(site, ""),
            least=bounds.certificate_percent,
            which=f"the certificate of {site}",
        ):
            yield need.seen, need.todo, need.severity
    yield from ((fault.seen, fault.todo) for fault in balancer_faults(state) if not fault.closed)


def _of_host(host: Host, bounds: Bounds) -> Iterator[tuple[str, str]]:
    state = host.state
    yield from full_disks(state, bounds.disk_percent)
    lock = state["lock"]
    if lock and state["at"] - lock["since"] >= _seconds(bounds):
        yield (
            f"locked by {lock['who']} for {_hours(state['at'] - lock['since'])} (rollout "
            f"{lock['rollout']})",
            "find out whether that run still runs; if not: "
            "ansible-playbook deploy.yml -e fleet_take_over_lock=true",
        )
    since = state["maintenance_since"]
    if since is not None and state["at"] - since >= _seconds(bounds):
        yield (
            f"shows the maintenance page for {_hours(state['at'] - since)}",
            f"end the maintenance, or remove /var/lib/{host.application}/maintenance",
        )


def problems(workers: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return why reports of workers do not count: the first, and how many more there are."""
    told = [worker["problem"] for worker in workers if worker["problem"]]
    more = f", and {len(told) - 1} more like it" if len(told) > 1 else ""
    return [told[0] + more] if told else []


def _of_service(host: Host) -> Iterator[tuple[str, str]]:
    """The live slot: its unit, its workers, its health, and what starts at boot."""
    state, live = host.state, host.state["live"]
    unit = f"{host.application}@{live['slot']}"
    journal = f"journalctl -u {unit} -n 50; then ansible-playbook playbooks/restart.yml"
    if not live["active"]:
        yield f"{unit}.service is not running", journal
        return
    stopped = [str(worker["pid"]) for worker in state["workers"] if worker["stopped"]]
    healthy = sum(worker["healthy"] for worker in state["workers"])
    if stopped:
        pids = " ".join(stopped)
        yield f"worker {pids} is stopped", f"kill -CONT {pids}, or see who stopped it; {journal}"
    elif healthy < state["workers_planned"]:
        yield f"{healthy} of {state['workers_planned']} workers are healthy", journal
    for problem in problems(state["workers"]):
        yield problem, journal
    if state["health"] != 200:
        yield f"the health path on the socket of {unit} gives {_status(state['health'])}", journal
    yield from process_faults(state.get("processes", []), state["at"] - live["since"])
    if not live["enabled"]:
        others = [one["unit"] for one in state.get("processes", [])]
        units = " ".join([f"{unit}.socket", f"{unit}.service", *others])
        yield f"{unit} is not enabled: it would not start at boot", f"systemctl enable {units}"


def _of_estimate(state: Mapping[str, Any], estimate: int) -> Iterator[tuple[str, str]]:
    """What the workers hold, shared pages divided among them, against what the plan counts."""
    largest = max((worker["memory_mb"] for worker in state.get("workers", [])), default=0)
    if estimate and largest > estimate:
        wanted = -(-largest * 5 // 4 // 16) * 16
        yield (
            f"its largest worker holds {largest} MB (PSS); the plan of the workers counts with "
            f"app_worker_memory_mb: {estimate}",
            f"set app_worker_memory_mb: {wanted}, or lower app_workers, and {DEPLOY}",
        )


def _of_site(host: Host) -> Iterator[tuple[str, str]]:
    """What clients get: nginx, its answer and its certificate, and the balancers."""
    state, https = host.state, host.state["https"]
    for fault in served(host.name, host.application, state, host.balancers).faults:
        # Findings already: what the application itself answers, and the certificate on disk.
        answered = (
            https and (https["late"] or https["status"] not in (0, 200)) and state["health"] != 200
        )
        on_disk = https and https["refused"] and https["certificate_current"]
        if fault.closed or not (answered or on_disk):
            yield fault.seen, fault.todo
    if not state["nginx"]["enabled"]:
        yield "nginx is not enabled: it would not start at boot", "systemctl enable nginx"
    if https and https["certificate_current"] is False:
        yield "nginx serves another certificate than the one on disk", "systemctl reload nginx"


def _of_release(host: Host, bounds: Bounds) -> Iterator[tuple[str, str]]:
    """What a running rollout changes."""
    state, live = host.state, host.state["live"]
    release, source = wanted_release(host, bounds)
    if release and live["release"] != release:
        yield (
            f"runs release {live['release']}; expected {release} ({source})",
            f"{DEPLOY}, or playbooks/rollback.yml -e release={release} --limit {host.name}",
        )
    if state["idle_enabled"]:
        units = " ".join(state["idle_enabled"])
        yield f"{units} of the idle slot would start at boot", f"systemctl disable {units}"
    differing = drift(state.get("drift") or [])
    if differing:
        yield (
            f"differs from the inventory: {', '.join(differing)}",
            f"{DEPLOY} --check --diff to see how, then without these to apply it",
        )


def _of_certificate(host: Host, bounds: Bounds) -> Iterator[tuple[str, ...]]:
    """The certificate on disk."""
    certificate = host.state["certificate"]
    for need in certificate_needs(
        certificate,
        host.state["at"],
        name=host.application,
        mode=host.mode,
        least=bounds.certificate_percent,
    ):
        yield need.seen, need.todo, need.severity
    missing = certificate_lacks(certificate["names"], host.domains) if certificate else []
    if missing:
        renews = bool(certificate and certificate["renewal"])
        todo = remedy(host.mode, host.application, renews=renews)
        yield f"the certificate does not cover {', '.join(missing)}", todo


def _notes(name: str, app: str, state: Mapping[str, Any], balancers: Balancers) -> Iterator[str]:
    lock = state.get("lock")
    if lock:
        yield f"{name}: a rollout is running, by {lock['who']} (rollout {lock['rollout']})"
    if state.get("maintenance_since") is not None:
        yield f"{name}: the maintenance page is shown to clients"
    if drained := served(name, app, None, balancers).drained:
        yield f"{name}: is drained at {', '.join(drained)}, and gets no requests from there"


def _lines(
    findings: Sequence[Finding], notes: Sequence[str], states: Mapping[str, Mapping[str, Any]]
) -> list[str]:
    hosts = f"{len(states)} {'host' if len(states) == 1 else 'hosts'}"
    faults = [finding for finding in findings if finding.severity == FAULT]
    warnings = [finding for finding in findings if finding.severity == WARNING]
    lines = _listed(faults, "finding", hosts)
    if not faults:
        live = sorted({s["live"]["release"] for s in states.values() if s.get("live")})
        told = f"{hosts} as {'it' if len(states) == 1 else 'they'} should be"
        lines = [", ".join([f"verified: {told}", *live])]
    return [*lines, *_listed(warnings, "warning", hosts), *notes]


def _listed(findings: Sequence[Finding], kind: str, hosts: str) -> list[str]:
    if not findings:
        return []
    bad = len({finding.host for finding in findings})
    things = kind if len(findings) == 1 else f"{kind}s"
    return [
        f"{len(findings)} {things} on {bad} of {hosts}:",
        *(f"  - {f.host}: {f.seen}; to do: {f.todo}" for f in findings),
    ]


def _status(status: int) -> str:
    return "no answer" if status == 0 else f"status {status}; expected 200"


def _hours(seconds: int) -> str:
    return f"{seconds // SECONDS_PER_HOUR} hours"


def _seconds(bounds: Bounds) -> int:
    return bounds.stale_hours * SECONDS_PER_HOUR
