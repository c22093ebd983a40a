"""Validates and normalises the deployment's variables, before any host is contacted.

Pure, except that it reads the controller's files that variables name. The action plugin
`check_inputs` calls `examine` for each host, and then `judge` once for problems of several hosts.
"""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs import notify
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.backup import uneven
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.connection_limit import (
    limit_problems,
    unknown_counts,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.connections import out_of_reach
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.jumps import jumps
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.metrics import (
    shared_addresses,
    shared_listeners,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.once import once_problems
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import Findings, Problem
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.sandbox import foreign_paths
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.served_paths import (
    missing_folders,
    mount_problems,
    path_problems,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.source import check_source_files
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.spec import (
    BY_NAME,
    SPEC,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.tls import (
    ReadFile,
    check_material,
    public_part,
    read_controller_file,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.values import is_extra, request_name
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.variable import Variable
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.written import Files

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIXES = ("app_", "fleet_")


@dataclass(frozen=True)
class Examination:
    """The result of examining one host's variables.

    Attributes:
        deployment: The valid variables, normalised; complete when there is no problem.
        problems: What is wrong.
        machine: Address and port of the host, to find two inventory names of one machine.
        way: The jump hosts that lead there; empty for none.
    """

    deployment: dict[str, Any] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    machine: str = ""
    way: str = ""


def examine(
    host_vars: Mapping[str, object],
    *,
    unreadable: Mapping[str, str] | None = None,
    host: str = "",
    now: datetime | None = None,
    read_file: ReadFile = read_controller_file,
    files: bool = True,
    origins: Files | None = None,
    base: Path | None = None,
) -> Examination:
    """Check one host's variables, each as far as possible.

    Args:
        host_vars: The host's variables, templates resolved.
        unreadable: Reasons by the name of each variable whose template failed.
        host: Inventory name, the address of a host that sets no `ansible_host`.
        now: The time for a certificate's expiry; by default the present.
        read_file: Reads a file of the controller.
        files: Check the files that variables name. A rollback needs none of them.
        origins: Finds what stands where a variable was read.
        base: The folder of the inventory.
    """
    failed = unreadable or {}
    problems = [_unreadable(name, reason) for name, reason in failed.items()]
    valid: dict[str, Any] = {}
    for variable in SPEC:
        if variable.name in failed:
            continue
        findings = Findings(variable.name, variable.advice, origins)
        value = _checked(variable, host_vars, findings)
        if findings.problems:
            problems += findings.problems
        else:
            valid[variable.name] = value
    if "fleet_extra_variables" in valid:
        problems += _unknown({*host_vars, *failed}, valid["fleet_extra_variables"])
    problems += _twice(valid)
    problems += path_problems(valid)
    for name in ("app_env", "app_secrets"):
        if name in valid and "app_network_allow" in valid:
            problems += out_of_reach(valid[name], valid["app_network_allow"], name)
    if files and "app_source" in valid:
        findings = Findings("app_source")
        check_source_files(valid["app_source"], findings)
        problems += [*findings.problems, *missing_folders(valid)]
    if files and "app_tls" in valid:
        findings = Findings("app_tls")
        check_material(
            valid["app_tls"],
            valid.get("app_domain", []),
            findings,
            now=now or datetime.now(timezone.utc),
            read_file=read_file,
            base=base,
        )
        problems += findings.problems
    problems += _targets(valid, read_file if files else None)
    if "app_tls" in valid:
        valid["app_tls"] = public_part(valid["app_tls"])
    deployment = {name: value for name, value in valid.items() if BY_NAME[name].in_deployment}
    return Examination(
        deployment | derived(deployment),
        problems,
        f"{host_vars.get('ansible_host') or host}:{host_vars.get('ansible_port') or 22}",
        jumps(host_vars.get("ansible_ssh_common_args"), host_vars.get("ansible_ssh_extra_args")),
    )


def derived(deployment: Mapping[str, Any]) -> dict[str, str]:
    """Return what follows from several variables: the host and path of health requests.

    Args:
        deployment: The valid variables; missing ones count as empty.
    """
    path = deployment.get("app_health_path", "")
    return {
        "health_host": request_name(deployment.get("app_domain", [])),
        "health_url_path": f"{deployment.get('app_root_path', '')}{path}",
    }


def _checked(variable: Variable, host_vars: Mapping[str, object], findings: Findings) -> object:
    value = host_vars.get(variable.name)
    if value is None and variable.required:
        findings.refuse(
            "not set",
            variable.allowed,
            f"{findings.advice}, for example {variable.name}: {variable.example}",
        )
        return None
    return variable.check(variable.default if value is None else value, findings)


def _unreadable(name: str, reason: str) -> Problem:
    findings = Findings(name, BY_NAME[name].advice) if name in BY_NAME else Findings(name)
    findings.refuse(f"a template that fails ({reason})", "a value, or a template that gives one")
    return findings.problems[0]


def _unknown(names: set[str], extra: list[str]) -> list[Problem]:
    """Refuse unknown variables with our prefixes: otherwise a typo would be ignored silently."""
    problems = []
    for name in sorted(names - BY_NAME.keys()):
        if not name.startswith(PREFIXES) or is_extra(name, extra):
            continue
        near = difflib.get_close_matches(name, BY_NAME, n=1, cutoff=0.8)
        advice = f"did you mean {near[0]}? rename it" if near else "remove it"
        problems.append(
            Problem(
                name,
                f"{name} is not a variable of asgi.fleet; {advice}, "
                "or list it in fleet_extra_variables if it is your own",
            )
        )
    return problems


def _targets(valid: dict[str, Any], read_file: ReadFile | None) -> list[Problem]:
    """Check what the targets of `fleet_notify` need here, and keep nothing secret of them."""
    findings = Findings("fleet_notify")
    given = valid.get("fleet_notify", [])
    if read_file is not None:
        notify.check_files(given, findings, read_file)
    if given:
        valid["fleet_notify"] = notify.public_part(given)
    return findings.problems


def _twice(valid: Mapping[str, Any]) -> list[Problem]:
    findings = Findings("app_secrets")
    for name in sorted(valid.get("app_env", {}).keys() & valid.get("app_secrets", {}).keys()):
        findings.refuse("set in app_env too", "each name once", "remove one", at=f".{name}")
    return findings.problems


def judge(
    examinations: Mapping[str, Examination], others: Mapping[str, Examination] | None = None
) -> list[Problem]:
    """Return the problems of all hosts, each once with its hosts, and those between hosts.

    Args:
        examinations: What was found, by host.
        others: Of the hosts that `--limit` leaves out, what is known of them.
    """
    hosts_of: dict[Problem, list[str]] = {}
    for host, examination in examinations.items():
        for problem in examination.problems:
            hosts_of.setdefault(problem, []).append(host)
    problems = [replace(problem, hosts=tuple(hosts)) for problem, hosts in hosts_of.items()]
    return [
        *problems,
        *_different(examinations),
        *once_problems(examinations, others),
        *_two_ways(examinations),
        *_shared_machine(examinations),
        *_foreign_paths(examinations),
        *_shared_listeners(examinations),
        *mount_problems(examinations, others),
        *uneven({host: one.deployment for host, one in examinations.items()}),
        *unknown_counts(examinations, others),
        *limit_problems(examinations, others),
    ]


def _different(examinations: Mapping[str, Examination]) -> list[Problem]:
    """Refuse one name for two applications: another source, callable, limit, or other targets."""
    problems = []
    first: dict[tuple[str, str], tuple[str, str]] = {}
    told: set[tuple[str, str, str]] = set()
    for host, examination in examinations.items():
        deployment = examination.deployment
        if "app_name" not in deployment:
            continue
        for name in ("app_source", "app_module", "app_connections", "fleet_notify"):
            if name not in deployment:
                continue
            app = deployment["app_name"]
            value = json.dumps(deployment[name], sort_keys=True, default=str)
            other, known = first.setdefault((app, name), (host, value))
            if value == known or (app, name, value) in told:
                continue
            told.add((app, name, value))
            findings = Findings(name)
            findings.refuse(
                f"different on {other} and {host}, which both deploy {app}",
                "one application for each app_name",
                "give them different names, or set the same value for both",
            )
            problems.append(replace(findings.problems[0], hosts=(other, host)))
    return problems


def _two_ways(examinations: Mapping[str, Examination]) -> list[Problem]:
    """Refuse one address behind different jump hosts.

    Ansible keeps one connection for each address, port and user, whatever leads there: what is
    meant for the second machine would be done on the first.
    """
    problems = []
    ways: dict[str, tuple[str, str]] = {}
    for host, examination in examinations.items():
        other, way = ways.setdefault(examination.machine, (host, examination.way))
        if way != examination.way:
            findings = Findings("ansible_host")
            findings.refuse(
                f"{examination.machine} on both {other} and {host}, which lead there by different "
                f"ways ({way or 'directly'}; {examination.way or 'directly'})",
                "an address for each machine, since Ansible would keep one connection for both",
                "give each a Host with its HostName and ProxyJump in the SSH configuration, and "
                "set ansible_host to that Host",
            )
            problems.append(replace(findings.problems[0], hosts=(other, host)))
    return problems


def _shared_machine(examinations: Mapping[str, Examination]) -> list[Problem]:
    """Refuse two inventory names of one machine that share an application name or a domain."""
    problems = []
    taken: dict[tuple[str, ...], str] = {}
    for host, examination in examinations.items():
        deployment, machine = examination.deployment, examination.machine
        clashes = []
        # Of an application that is mounted on another, `mount_problems` says what is wrong.
        own = [] if deployment.get("app_mount_of") else deployment.get("app_domain", [])
        for name, values in (("app_name", [deployment.get("app_name")]), ("app_domain", own)):
            for value in filter(None, values):
                other = taken.setdefault((machine, examination.way, name, value), host)
                if other != host:
                    clashes.append((name, value, other))
        # The same application twice also shares its domains: naming the application is enough.
        named = [clash for clash in clashes if clash[0] == "app_name"]
        for name, value, other in named or clashes:
            findings = Findings(name)
            findings.refuse(
                f"{value} on both {other} and {host}, which are one machine ({machine})",
                f"another {'name' if name == 'app_name' else 'domain'} for each application there",
                "change it on one of them, or remove that host",
            )
            problems.append(replace(findings.problems[0], hosts=(other, host)))
    return problems


def _foreign_paths(examinations: Mapping[str, Examination]) -> list[Problem]:
    """Refuse a writable path of one application that is another's on the same machine."""
    problems = []
    for host, examination in examinations.items():
        others = {
            other.deployment["app_name"]: name
            for name, other in examinations.items()
            if name != host
            and other.machine == examination.machine
            and other.deployment.get("app_name", "")
            not in ("", examination.deployment.get("app_name"))
        }
        found = foreign_paths(examination.deployment, others)
        problems += [replace(problem, hosts=(host,)) for problem in found]
    return problems


def _shared_listeners(examinations: Mapping[str, Examination]) -> list[Problem]:
    """Refuse metrics of two applications at one port of a machine, or of two machines at one."""
    known = {host: (one.machine, one.deployment) for host, one in examinations.items()}
    problems = shared_listeners(known)
    # Behind another jump host, the same private address is another network's.
    for way in sorted({one.way for one in examinations.values()}):
        there = {host: told for host, told in known.items() if examinations[host].way == way}
        problems += shared_addresses(there)
    return [replace(problem, hosts=(other, host)) for problem, other, host in problems]


def report(problems: list[Problem], hosts: int) -> str:
    """Return the text of a refusal, a line for each problem.

    Args:
        problems: What was found.
        hosts: How many hosts were examined.
    """
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    lines = [f"  - {problem.line(hosts)}" for problem in problems]
    return "\n".join([f"{count} in the variables; no host was touched:", *lines])
