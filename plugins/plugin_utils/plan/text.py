"""A plan for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

from ansible_collections.asgi.fleet.plugins.plugin_utils.plan.document import (
    EACH,
    AppPlan,
    BalancerPlan,
    CommitsPlan,
    Document,
    HostPlan,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.words import duration
from ansible_collections.asgi.fleet.plugins.plugin_utils.rollout.waves import NAMED_HOSTS

#: Characters of a commit's name that are shown.
SHORT = 10
#: How the lines of a subject begin.
PROVISION = {
    "packages": "install packages",
    "network": "write how the host reaches what it fetches",
    "sysctl": "set kernel parameters",
    "units": "start, now or at boot",
    "timezone": "set the time zone",
    "files": "write or remove files",
    "firewall": "change the firewall",
    "certificate": "certificate",
    "site": "write or remove files of the nginx site",
}


def lines(plan: Document, digest: str) -> list[str]:
    """Return the lines of a plan, the hash first and last.

    Args:
        plan: The plan.
        digest: Its hash.
    """
    found = [f"plan {digest} of {plan['kind']}.yml"]
    for app, what in plan["apps"].items():
        found += ["", *_app(app, what, plan)]
    grouped: dict[tuple[str, ...], list[str]] = {}
    for host, one in plan["hosts"].items():
        grouped.setdefault(tuple(host_lines(one)), []).append(host)
    for told, hosts in grouped.items():
        found += ["", f"{named(hosts)}:", *(f"  {line}" for line in told or ["nothing changes"])]
    for name, front in plan["balancers"].items():
        found += ["", f"{name}:", *(f"  {line}" for line in _balancer(front))]
    if not plan["changes"]:
        found += ["", "Nothing would change."]
    rest = ", ".join(plan["not_compared"])
    return [
        *found,
        "",
        f"compared: {', '.join(plan['compared'])}",
        f"not compared: {rest} (ansible-playbook {_playbook(plan)} --check --diff shows more)",
        f"to do exactly this: ansible-playbook {_playbook(plan)} -e plan={digest}",
    ]


def _playbook(plan: Document) -> str:
    return "deploy.yml" if plan["kind"] == "deploy" else "playbooks/release.yml"


def named(hosts: Sequence[str]) -> str:
    """Return hosts by name, many of them shortened."""
    rest = len(hosts) - NAMED_HOSTS
    return ", ".join(hosts[:NAMED_HOSTS]) + (f" and {rest} more" if rest > 0 else "")


def _app(app: str, what: AppPlan, plan: Document) -> Iterator[str]:
    yield f"{app} ({', '.join(what['domain'])}): {what['release']}, from {_source(what)}"
    for number, wave in enumerate(what["waves"], 1):
        share = what["canary_percent"] if number == 1 and len(what["waves"]) > 1 else None
        gets = f", with {share} of 100 requests" if share is not None else ""
        yield f"  wave {number}: {named(wave)}{gets}"
    before: dict[str, list[str]] = {}
    for wave in what["waves"]:
        for host in wave:
            before.setdefault(plan["hosts"][host]["before"], []).append(host)
    for release, hosts in before.items():
        if release == what["release"]:
            yield f"  {named(hosts)}: runs {release} already"
        else:
            yield f"  {named(hosts)}: {release or 'no release'} -> {what['release']}"
        if release in what["commits"]:
            yield from (f"    {line}" for line in _commits(what["commits"][release]))
    if backup := what["backup"]:
        yield (
            f"  before before_rollout: a backup on {backup['host']}, unless one of the last "
            f"{duration(backup['max_age'])} is there"
        )
    for phase, hook in what["hooks"].items():
        yield f"  {phase}: {'; '.join(hook['commands'])}: {_where(phase, hook['hosts'])}"


def _source(what: AppPlan) -> str:
    source = what["source"]
    place = source.get("url") or source.get("path") or source.get("name") or "?"
    version = source.get("version")
    return " ".join(
        filter(
            None,
            (
                str(source.get("type", "")),
                str(place),
                str(version) if version else "",
                f"at {what['commit'][:SHORT]}" if what["commit"] else "",
            ),
        )
    )


def _where(phase: str, hosts: Sequence[str]) -> str:
    if phase in EACH:
        return f"on {named(hosts)}" if hosts else "on no host, since none is switched"
    return f"once, on {hosts[0]}" if hosts else "has run for this release"


def _commits(found: CommitsPlan) -> Iterator[str]:
    if found["way"] == "unknown":
        yield f"the repository does not lead from {found['live'][:SHORT]}, which is live, to this"
        return
    count = len(found["commits"]) + found["more"]
    verb = "is taken back" if count == 1 else "are taken back"
    how = {"back": f", which {verb}", "apart": ", and the live release has others that this lacks"}
    files = f" in {_count(found['files'], 'file')}" if found["files"] is not None else ""
    yield f"{_count(count, 'commit')}{files}{how.get(found['way'], '')}:"
    for commit in found["commits"]:
        yield f"  {commit['sha'][:SHORT]} {commit['subject']}"
    if found["more"]:
        yield f"  and {found['more']} more"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def host_lines(host: HostPlan) -> list[str]:
    """Return what changes on a host; nothing if nothing does."""
    found = []
    for subject, names in host["provision"].items():
        found.append(f"{PROVISION.get(subject, subject)}: {', '.join(names)}")
    if host["build"]:
        found.append(f"build the release {host['after']}")
    if host["before"]:
        found += settings_lines(host)
    if host["slot_files"]:
        found.append(f"files of the slot: {', '.join(host['slot_files'])}")
    if host["cut_over"]:
        found.append(f"cut over: {', '.join(host['cut_over'])}")
    return found


def settings_lines(host: HostPlan) -> list[str]:
    """Return which settings and secrets differ from what runs, by name."""
    told: dict[str, list[str]] = {}
    for how, names in cast("Mapping[str, list[str]]", host["settings"]).items():
        for name in names:
            told.setdefault(_kind(name, host["variables"]), []).append(f"{name} {how}")
    return [f"{kind}: {', '.join(found)}" for kind, found in sorted(told.items())]


def _kind(name: str, variables: Mapping[str, Any]) -> str:
    return next(
        (kind for kind in ("app_env", "app_secrets") if f"{kind}.{name}" in variables),
        "environment",
    )


def _balancer(front: BalancerPlan) -> Iterable[str]:
    for how, names in cast("Mapping[str, list[str]]", front).items():
        if names:
            yield f"servers {how}: {', '.join(names)}"
    if not (front["added"] or front["removed"]):
        yield "the same servers"
