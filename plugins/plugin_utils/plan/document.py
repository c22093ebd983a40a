"""The plan of a run: a document of what it would do, made from what the hosts have told.

Pure. It has nothing that depends on the time, on who asks or on the order of the answers, so the
same fleet with the same inventory always gives the same document, and the same hash.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypedDict

from ansible_collections.asgi.fleet.plugins.module_utils.protocol.state import SLOT_PARTS
from ansible_collections.asgi.fleet.plugins.plugin_utils.plan.values import without_place
from ansible_collections.asgi.fleet.plugins.plugin_utils.rollout.waves import plan_waves
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.commits import Between
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.credentials import (
    without_credentials,
)

SCHEMA = 1
#: The playbook that a plan is of.
Kind = Literal["deploy", "release"]
#: Phases whose hooks run once in a rollout, and those of each host that is switched.
ONCE = ("before_rollout", "after_rollout")
EACH = ("before_activate", "after_activate")

#: What a plan has compared, and what only `--check --diff` or the run itself tells.
COMPARED = (
    *("release", "commits", "settings and secrets by name", "units and files of the live slot"),
    *("workers", "hooks", "variables of the inventory"),
)
COMPARED_ON_HOSTS = (
    *("packages", "kernel parameters", "firewall", "units and files of the host"),
    *("certificate", "files of the nginx site"),
)
NOT_COMPARED = ("what a build installs", "old releases that are removed")
NOT_COMPARED_ON_HOSTS = (
    *("app_system_packages", "packages of Python and uv", "hashes of users' passwords"),
    *("the programs that ACME needs", "HAProxy's configuration, but for its servers"),
)


class Settings(TypedDict):
    """Names of variables of the environment that differ from what runs."""

    added: list[str]
    changed: list[str]
    removed: list[str]


class HookPlan(TypedDict):
    """The commands of a phase, and the hosts on which they would run."""

    commands: list[str]
    hosts: list[str]


class BackupPlan(TypedDict):
    """The backup before a migration: where, and how old one may be, in seconds, to be enough."""

    host: str
    max_age: int


class CommitsPlan(Between):
    """What lies between a live release and the wanted one: `live` is the commit of the first."""

    live: str


class AppPlan(TypedDict):
    """What happens to an application.

    Keys:
        domain: Its names.
        source: Where the release comes from, without credentials.
        release: Id of the wanted release.
        commit: Its commit; empty for none.
        waves: The hosts by waves.
        canary_percent: The share of the first wave while it soaks; None for its own.
        commits: What is between, by the release that is live.
        hooks: By phase.
        backup: The one before before_rollout; None for none. Whether there is a fresh one depends
            on the time.
    """

    domain: list[str]
    source: dict[str, Any]
    release: str
    commit: str
    waves: list[list[str]]
    canary_percent: int | None
    commits: dict[str, CommitsPlan]
    hooks: dict[str, HookPlan]
    backup: BackupPlan | None


class HostPlan(TypedDict):
    """What happens on a host.

    Keys:
        app: Its application.
        machine: The digest of its key, see `asgi.fleet.fingerprint`.
        before: The live release; empty for none.
        after: The wanted one.
        build: Whether it has to be built there.
        cut_over: Why the other slot is started; empty if it is not.
        settings: Variables of the environment that differ from what runs.
        slot_files: Kinds of the slot's files that differ, apart from its environment.
        provision: What a deployment changes, by subject; a subject without a change is not there.
        variables: Digests of the host's variables.
    """

    app: str
    machine: str
    before: str
    after: str
    build: bool
    cut_over: list[str]
    settings: Settings
    slot_files: list[str]
    provision: dict[str, list[str]]
    variables: dict[str, str]


class BalancerPlan(TypedDict):
    """Servers, as `site/host`, that a balancer gets and loses."""

    added: list[str]
    removed: list[str]


class Document(TypedDict):
    """A plan.

    Keys:
        schema: The version of this document.
        kind: The playbook.
        collection: The version of asgi.fleet.
        changes: Whether anything would change.
        apps: By the application's name.
        hosts: By the inventory's name.
        balancers: By the inventory's name.
        compared: What the plan has compared.
        not_compared: What it has not.
    """

    schema: int
    kind: Kind
    collection: str
    changes: bool
    apps: dict[str, AppPlan]
    hosts: dict[str, HostPlan]
    balancers: dict[str, BalancerPlan]
    compared: list[str]
    not_compared: list[str]


@dataclass(frozen=True)
class HostFacts:
    """What is known of a host.

    Attributes:
        deployment: Its checked variables.
        begun: The result of `asgi.fleet.rollout`, which has only looked.
        packed: The result of `asgi.fleet.source`.
        fingerprint: The result of `asgi.fleet.fingerprint`.
        slot: The result of `asgi.fleet.slot` in check mode; empty without a live release.
        provision: What a deployment changes, by subject.
    """

    deployment: Mapping[str, Any]
    begun: Mapping[str, Any]
    packed: Mapping[str, Any]
    fingerprint: Mapping[str, Any]
    slot: Mapping[str, Any] = field(default_factory=dict)
    provision: Mapping[str, Sequence[str]] = field(default_factory=dict)


#: What lies between two commits of an application's repository: asks for (app, live, wanted).
History = Callable[[str, str, str], Between]


def document(
    kind: Kind,
    collection: str,
    hosts: Mapping[str, HostFacts],
    history: History,
    balancers: Mapping[str, BalancerPlan] | None = None,
) -> Document:
    """Return the plan.

    Args:
        kind: The playbook that it is of.
        collection: The version of asgi.fleet.
        hosts: What is known of each host, in the order of the inventory.
        history: Asked for each release that is live and has a commit, if the wanted one has.
        balancers: What becomes of each balancer's servers.
    """
    planned = {host: _host(facts) for host, facts in hosts.items()}
    waves = plan_waves({host: facts.deployment for host, facts in hosts.items()})["waves"]
    apps = {app: _app(app, cut, hosts, planned, history) for app, cut in waves.items()}
    fronts = dict(balancers or {})
    deploys = kind == "deploy"
    return {
        "schema": SCHEMA,
        "kind": kind,
        "collection": collection,
        "changes": any(map(_changes, planned.values()))
        or any(hook["hosts"] for app in apps.values() for hook in app["hooks"].values())
        or any(front["added"] or front["removed"] for front in fronts.values()),
        "apps": apps,
        "hosts": planned,
        "balancers": fronts,
        "compared": [
            *COMPARED,
            *(COMPARED_ON_HOSTS if deploys else ()),
            *(["servers of the balancers"] if fronts else ()),
        ],
        "not_compared": [*NOT_COMPARED, *(NOT_COMPARED_ON_HOSTS if deploys else ())],
    }


def _host(facts: HostFacts) -> HostPlan:
    before, after = str(facts.begun.get("live") or ""), str(facts.packed["release_id"])
    reasons = [one for one in facts.slot.get("reasons") or [] if one["kind"] != "release"]
    if not before:
        because = ["the first release"]
    else:
        because = [f"release {before} -> {after}"] if before != after else []
        because += [one["text"] for one in reasons]
    environment = facts.slot.get("environment") or {}
    return {
        "app": facts.deployment["app_name"],
        "machine": facts.fingerprint["machine"],
        "before": before,
        "after": after,
        "build": after not in [one["id"] for one in facts.begun.get("releases") or []],
        "cut_over": because,
        "settings": {
            "added": sorted(environment.get("added") or []),
            "changed": sorted(environment.get("changed") or []),
            "removed": sorted(environment.get("removed") or []),
        },
        "slot_files": sorted(
            {one["kind"] for one in reasons if one["kind"] in SLOT_PARTS} - {"environment"}
        ),
        "provision": {name: sorted(found) for name, found in facts.provision.items() if found},
        "variables": dict(facts.fingerprint["variables"]),
    }


def _changes(host: HostPlan) -> bool:
    return bool(host["build"] or host["cut_over"] or host["provision"])


def _app(
    app: str,
    waves: list[list[str]],
    hosts: Mapping[str, HostFacts],
    planned: Mapping[str, HostPlan],
    history: History,
) -> AppPlan:
    names = [host for wave in waves for host in wave]
    first = hosts[names[0]]
    release, commit = str(first.packed["release_id"]), str(first.packed.get("commit") or "")
    commits: dict[str, CommitsPlan] = {}
    for host in names:
        before = planned[host]["before"]
        live = _commit_of(before, hosts[host].begun.get("releases") or [])
        if commit and live and live != commit and before not in commits:
            commits[before] = {"live": live, **history(app, live, commit)}
    hooks = _hooks(first.deployment.get("app_hooks") or {}, release, names, hosts, planned)
    return {
        "domain": list(first.deployment["app_domain"]),
        "source": without_place(first.packed["shown"]),
        "release": release,
        "commit": commit,
        "waves": waves,
        "canary_percent": first.deployment.get("fleet_canary_percent"),
        "commits": commits,
        "hooks": hooks,
        "backup": _backup(first.deployment.get("app_backup") or {}, hooks),
    }


def _backup(wanted: Mapping[str, Any], hooks: Mapping[str, HookPlan]) -> BackupPlan | None:
    """Return the backup before the hooks, as `rollout/backups.py` decides it."""
    migrates = hooks.get("before_rollout", {"commands": [], "hosts": []})["hosts"]
    if not wanted or not migrates:
        return None
    return {"host": migrates[0], "max_age": wanted["max_age"]}


def _commit_of(release: str, releases: Iterable[Mapping[str, Any]]) -> str:
    return next((str(one.get("commit") or "") for one in releases if one["id"] == release), "")


def _hooks(
    hooks: Mapping[str, Sequence[Mapping[str, Any]]],
    release: str,
    names: Sequence[str],
    hosts: Mapping[str, HostFacts],
    planned: Mapping[str, HostPlan],
) -> dict[str, HookPlan]:
    """Return the hooks of an application: as `playbooks/tasks/hook_once.yml` decides it."""
    done = [one for host in names for one in hosts[host].begun.get("hooks_done") or []]
    switched = [host for host in names if planned[host]["cut_over"]]
    found: dict[str, HookPlan] = {}
    for phase in (*ONCE, *EACH):
        commands = [without_credentials(str(one["command"])) for one in hooks.get(phase) or []]
        if not commands:
            continue
        if phase in EACH:
            where: Collection[str] = switched
        else:
            where = [] if {"phase": phase, "release": release} in done else names[:1]
        found[phase] = {"commands": commands, "hosts": list(where)}
    return found
