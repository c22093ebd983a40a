"""One run of a playbook, from its events: what the picture and the plain lines are made of."""

from __future__ import annotations

from dataclasses import dataclass, field

from ansible_collections.asgi.fleet.plugins.plugin_utils.screen.failures import (
    Failure,
    Group,
    grouped,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.screen.fleet import Fleet
from ansible_collections.asgi.fleet.plugins.plugin_utils.screen.phases import (
    CLOSE,
    PICTURED,
    ROLLOUT,
    SHOW,
    Outcome,
    Phase,
    Task,
    phase_during,
)

#: Kinds of rollouts, by playbooks that are not named like one.
KINDS = {"deploy": "release"}


@dataclass(frozen=True)
class Told:
    """What a task leaves for the record, once it has ended on all hosts.

    Attributes:
        task: The task; None before the first.
        failures: Each error once, with its hosts.
        changed: The hosts where it changed something.
        reached: The hosts that a phase was reached on.
    """

    task: Task | None
    failures: list[Group]
    changed: list[str]
    reached: dict[Phase, list[str]]


@dataclass
class Run:
    """A run.

    Attributes:
        playbook: The name of the playbook, such as `deploy`.
        began_at: Unix time.
        expected: Seconds that it has taken before; 0 for not known.
        play: The present play's name.
        task: The present task; None before the first of a play.
        fleet: The rollout, if the playbook has one.
        failures: Errors of the present task.
        failed: For each host that has failed for good, the task where it did.
        has_ended: Whether the playbook has ended.
    """

    playbook: str
    began_at: float
    expected: float = 0
    play: str = ""
    task: Task | None = None
    fleet: Fleet = field(default_factory=Fleet)
    failures: list[Failure] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    has_ended: bool = False
    _hosts: set[str] = field(default_factory=set)
    _started: set[str] = field(default_factory=set)
    _done: set[str] = field(default_factory=set)
    _changed: list[str] = field(default_factory=list)
    _reached: dict[Phase, list[str]] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """What the run does, such as `release`."""
        # A deploy does other things as well, before and after.
        named = KINDS.get(self.playbook) if self.fleet.is_known else None
        return self.fleet.kind or named or self.playbook

    @property
    def progress(self) -> tuple[int, int]:
        """On how many hosts the present task has ended, and of how many that are known."""
        once = self.task is not None and self.task.once
        return len(self._done), 1 if once else max(len(self._hosts), len(self._started))

    def begin_play(self, name: str) -> Told:
        """Take that a play begins; return what the last task left."""
        told = self.flush()
        self.play = name
        self.task = None
        self._hosts = set()
        return told

    def begin_task(self, task: Task, now: float) -> Told:
        """Take that a task begins; return what the one before left."""
        told = self.flush()
        ended = self.task
        if ended is not None and ended.action == ROLLOUT and ended.state == "ended":
            self.fleet.finish(now)
        self.task = task
        self._started, self._done = set(), set()
        return told

    def begin_host(self, name: str, task: Task, now: float) -> bool:
        """Take that a host begins a task; return whether it is the first for its phase."""
        self._hosts.add(name)
        self._started.add(name)
        during = phase_during(task)
        if during is None or name not in self.fleet.hosts:
            return False
        self.fleet.begin_task(name, task, now)
        return len(self._started) == 1

    def end_host(
        self, name: str, task: Task, outcome: Outcome, failure: Failure | None, now: float
    ) -> None:
        """Take what became of a task on a host.

        Args:
            name: The host.
            task: The task.
            outcome: What became of it.
            failure: The error, if there is one.
            now: Unix time.
        """
        self._hosts.add(name)
        self._done.add(name)
        host = self.fleet.hosts.get(name)
        before = host.phase if host else None
        self.fleet.end_task(name, task, outcome, now)
        if host is not None and host.phase is not before:
            self._reached.setdefault(host.phase, []).append(name)
        if failure is not None:
            self.add_failure(failure)
            if not failure.ignored:
                self.failed.setdefault(name, task.name)
        if outcome.result.get("changed") or outcome.kind == "changed":
            self._changed.append(name)

    def add_change(self, name: str) -> None:
        """Take that a task has changed something on a host."""
        self._changed.append(name)

    def add_failure(self, failure: Failure) -> None:
        """Take an error, also of one item of a loop."""
        self.failures.append(failure)

    def take_facts(self, facts: dict[str, object], named: str, now: float) -> None:
        """Take facts of the playbooks; note the phases that follow from them."""
        before = {name: host.phase for name, host in self.fleet.hosts.items()}
        self.fleet.take_facts(facts, named, now)
        for name, phase in before.items():
            host = self.fleet.hosts.get(name)
            if host is not None and host.phase is not phase:
                self._reached.setdefault(host.phase, []).append(name)

    def flush(self) -> Told:
        """Return what the present task has left for the record, and forget it."""
        task = self.task
        quiet = task is not None and task.action in {*PICTURED, SHOW, CLOSE}
        told = Told(
            task=task,
            failures=grouped(self.failures),
            changed=[] if quiet else sorted(set(self._changed)),
            reached={phase: sorted(hosts) for phase, hosts in self._reached.items()},
        )
        self.failures = []
        self._changed = []
        self._reached = {}
        return told

    @property
    def culprits(self) -> list[str]:
        """The hosts that have failed, of the rollout or else of the run."""
        return self.fleet.failing or list(self.failed)

    @property
    def has_failed(self) -> bool:
        """Whether anything has failed for good."""
        return bool(self.failed) or self.fleet.has_failed
