"""What became of a run of playbooks: who is to be told at its end, and what.

The callback `told` fills a `Run` with what Ansible reports. It is the only place that learns of
every end: a `rescue` is not run for a host that does not answer, and no task is run once all hosts
have failed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath

from ansible_collections.asgi.fleet.plugins.plugin_utils.notify.events import Event, completed, told
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.failures import grouped

#: The playbooks that tell of themselves while they run (playbooks/tasks/notify.yml).
ROLLOUTS = ("release", "rollback", "restart", "scale")
#: Those of which the end of the run tells.
UPKEEP = (
    *("provision", "patch", "certificates", "balancer", "maintenance", "drain", "undrain"),
    "remove",
)
KINDS = frozenset((*ROLLOUTS, *UPKEEP, "verify"))
#: The halves that rollouts share; who imports them says of which kind they are.
SHARED = ("aim_at_live", "waves")
#: Lines of a host's reason.
REASON_LINES = 15


@dataclass
class Run:
    """What is known of a run.

    Attributes:
        who: Who runs it.
        ahead: The kinds of all plays of the run, in order.
        kind: The kind of the play that runs.
        label: What a kind is called in texts, where its playbook says more, such as `on`.
        begun: The kinds whose plays have begun.
        reasons: Why each host failed, or refused; the first reason counts, what follows is its
            consequence.
        said: What the playbook said of a failure, without a reason of its own.
        failed_kind: The kind in which the first host failed.
        stopped: The hosts of plays that a failure has ended for all.
        told: The events that were told of each application.
        judged: Whether `verify` has told what it found, or found nothing new.
    """

    who: str = ""
    ahead: Sequence[str] = ()
    kind: str = ""
    label: str = ""
    begun: list[str] = field(default_factory=list)
    reasons: dict[str, str] = field(default_factory=dict)
    said: str = ""
    failed_kind: str = ""
    stopped: set[str] = field(default_factory=set)
    told: dict[str, list[str]] = field(default_factory=dict)
    judged: bool = False

    def enter(self, kind: str) -> bool:
        """Note that a play of a kind begins, and return whether that is a begin to tell of.

        Plays that belong to several playbooks, such as those of waves.yml, have no kind of their
        own: they go on with the one before.
        """
        if not kind or kind == self.kind:
            return False
        self.kind = kind
        if kind in self.begun:
            return False
        self.begun.append(kind)
        return kind in UPKEEP and not set(ROLLOUTS) & set(self.ahead)

    def refuse(self, host: str, reason: str) -> None:
        """Note that a host refused, which its playbook judges later."""
        self.reasons.setdefault(host, reason)

    def fail(self, host: str, reason: str, stopped: Iterable[str] = ()) -> None:
        """Note that a task failed on a host, or that the host did not answer.

        Args:
            host: The host; empty for a task that only says that a run has failed, on whatever host
                came first.
            reason: Why.
            stopped: The hosts for which the play ends with it.
        """
        self.failed_kind = self.failed_kind or self.kind
        self.stopped.update(stopped)
        if host:
            self.reasons.setdefault(host, reason)
        else:
            self.said = self.said or reason


def kind_of(playbook: str, rollout: str = "") -> str:
    """Return the kind of a play by the file it stands in; empty for none.

    Args:
        playbook: The file: `.../patch.yml`.
        rollout: The kind of the rollout, for a play that several rollouts share.
    """
    stem = PurePath(playbook).stem
    kind = rollout if stem in SHARED else stem
    return kind if kind in KINDS else ""


def begin(run: Run, app: str, hosts: Sequence[str], *, at: float) -> Event:
    """Return the event that work on an application's hosts begins."""
    return _event(run, "begin", run.kind, app, hosts, at=at)


def ends(
    run: Run,
    apps: Mapping[str, Sequence[str]],
    *,
    failed: Iterable[str],
    changed: Iterable[str],
    at: float,
) -> list[Event]:
    """Return what is to be told at the end of a run, of each application.

    A failure that a rollout has told of itself is not told again. An end is told where something
    changed: certificates that are not due, or a host that is drained already, are no news.

    Args:
        run: What is known of it.
        apps: The hosts of each application that the run was for.
        failed: Hosts that failed or did not answer.
        changed: Hosts on which something changed.
        at: The time, in Unix seconds.
    """
    if not run.begun or (run.kind == "verify" and run.judged):
        return []
    failing, changing = _culprits(run, list(failed)), list(changed)
    kinds = [kind for kind in run.begun if kind in ROLLOUTS] or run.begun
    events = []
    # A balancer, or the controller, serves all of them.
    known = {host for hosts in apps.values() for host in hosts}
    for app, hosts in apps.items():
        bad = [host for host in failing if host in hosts or host not in known]
        bad = bad or [host for host in hosts if host in run.stopped]
        done = [host for host in changing if host in hosts or host not in known]
        before = run.told.get(app, [])
        if bad and not {"failed", "reverted"} & set(before):
            reasons = {host: _reason(run, host) for host in dict.fromkeys([*failing, *bad])}
            kind = run.failed_kind or run.kind
            detail = [*"\n".join(grouped(reasons)).splitlines(), NEXT]
            events.append(_event(run, "failed", kind, app, bad, detail, at=at))
        elif not bad and done and not before and kinds[-1] != "verify":
            events.append(_event(run, "end", kinds[-1], app, done, at=at))
    return events


def _culprits(run: Run, failed: Sequence[str]) -> list[str]:
    """Return the hosts that failed themselves.

    Where a task that runs once ends a play, Ansible counts the first host as failed, and no other.
    """
    return [host for host in run.reasons if host in failed or host in run.stopped] or list(failed)


def interrupted(run: Run, apps: Mapping[str, Sequence[str]], *, at: float) -> list[Event]:
    """Return what is to be told of a run that was interrupted, and said nothing at its end."""
    if not run.begun or run.kind == "verify":
        return []
    detail = [
        "interrupted: nobody knows yet how it left the hosts",
        "next: ansible-playbook playbooks/verify.yml says how they are",
    ]
    return [
        _event(run, "failed", run.kind, app, hosts, detail, at=at)
        for app, hosts in apps.items()
        if not {"end", "failed", "reverted"} & set(run.told.get(app, []))
    ]


OTHERWISE = "stopped, because another host failed"
NEXT = "next: fix the cause, then run the command again"


def _reason(run: Run, host: str) -> str:
    said = OTHERWISE if run.reasons else run.said
    lines = (run.reasons.get(host) or said or OTHERWISE).strip().splitlines()
    more = len(lines) - REASON_LINES
    return "\n".join([*lines[:REASON_LINES], *([f"... {more} more lines"] if more > 0 else [])])


def _event(
    run: Run,
    event: str,
    kind: str,
    app: str,
    hosts: Sequence[str],
    detail: Sequence[str] = (),
    *,
    at: float,
) -> Event:
    found = {
        "event": event,
        "kind": kind,
        "app": app,
        "who": run.who,
        "hosts": sorted(hosts),
        "detail": list(detail),
    }
    complete = completed(found, at=at)
    complete["text"] = told(complete, run.label if kind == run.kind else "")
    return complete
