"""A rollout as far as it is known: its waves, and each host with its phase.

It follows from the results of `asgi.fleet.rollout`, `release`, `slot`, `hook`, `soak` and
`traffic_info`, and from the facts `rollout_*` that the playbooks set.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.asgi.fleet.plugins.plugin_utils.rollout.canary_analysis import Pool
from ansible_collections.asgi.fleet.plugins.plugin_utils.screen.phases import (
    FAILING,
    IN_WAVE,
    PREPARED,
    ROLLOUT,
    SLOT,
    SOAK,
    TRAFFIC,
    Outcome,
    Phase,
    Task,
    phase_after,
    phase_during,
)

#: What `close_wave` calls the states of hosts.
JUDGED = {
    "live": Phase.LIVE,
    "refused": Phase.REFUSED,
    "unreachable": Phase.UNREACHABLE,
    "unhealthy": Phase.UNHEALTHY,
}


@dataclass
class Host:
    """One host of a rollout.

    Attributes:
        app: Its application.
        wave: The number of its wave, from 1.
        phase: What it is about.
        since: When that began (Unix time).
        before: The release that was live when the rollout began; empty for none or not known.
        after: The release that it is to run; empty while that is not known.
        note: What else there is to know, such as the first line of an error.
        locked: Whether the rollout holds its lock.
        traffic: What it has served since its cut-over, as `asgi.fleet.traffic_info` returns it.
    """

    app: str
    wave: int
    phase: Phase = Phase.NOT_BEGUN
    since: float = 0
    before: str = ""
    after: str = ""
    note: str = ""
    locked: bool = False
    traffic: Mapping[str, Any] | None = None


@dataclass
class Fleet:
    """A rollout.

    Attributes:
        kind: `release`, `rollback`, `restart`, `scale` or `patch`; empty while not known.
        id: The rollout's id.
        who: Who runs it, as its locks say.
        waves: For each application, its waves of hosts.
        hosts: By name, in the order of the waves.
        stopped: For each application whose rollout has failed, why.
        began_at: When it was planned (Unix time).
        ended_at: When its locks were given back (Unix time); 0 before that.
        asked: Whether the operator has asked it to end.
        soaked_at: When the soak of the present wave ends (Unix time); 0 for not known, or none.
    """

    kind: str = ""
    id: str = ""
    who: str = ""
    waves: dict[str, list[list[str]]] = field(default_factory=dict)
    hosts: dict[str, Host] = field(default_factory=dict)
    stopped: dict[str, str] = field(default_factory=dict)
    began_at: float = 0
    ended_at: float = 0
    asked: bool = False
    soaked_at: float = 0
    _before: dict[str, Phase] = field(default_factory=dict)

    @property
    def is_known(self) -> bool:
        """Whether there is a rollout at all."""
        return bool(self.hosts)

    @property
    def is_active(self) -> bool:
        """Whether it has begun and not ended: hosts may be locked, or half done."""
        return self.is_known and not self.ended_at

    @property
    def wave(self) -> int:
        """The number of the wave that has begun last; 0 before the first."""
        return max((host.wave for host in self.hosts.values() if host.phase in IN_WAVE), default=0)

    @property
    def failing(self) -> list[str]:
        """The hosts that have failed."""
        return [name for name, host in self.hosts.items() if host.phase in FAILING]

    @property
    def has_failed(self) -> bool:
        """Whether it has failed, for one host or for what the hosts have served."""
        return bool(self.stopped or self.failing)

    def served(self) -> Pool | None:
        """Return what the hosts of the present wave have served; None if nobody has asked."""
        told = [
            host.traffic
            for host in self.hosts.values()
            if host.wave == self.wave and host.traffic is not None
        ]
        return Pool.of(told) if told else None

    def take_facts(self, facts: Mapping[str, Any], named: str, now: float) -> None:
        """Take facts that a playbook has set.

        Args:
            facts: The facts of one task.
            named: The host whose result has them.
            now: Unix time.
        """
        self.id = str(facts.get("rollout_id") or self.id)
        self.kind = str(facts.get("rollout_kind") or self.kind)
        plan = facts.get("rollout_plan")
        if isinstance(plan, Mapping) and plan.get("waves"):
            self._plan(plan["waves"], now)
        progress = facts.get("rollout_progress")
        if isinstance(progress, Mapping):
            self._judge(progress, now)
        moments = facts.get("rollout_soak")
        if isinstance(moments, Sequence) and not isinstance(moments, str):
            self.soaked_at = float(moments[-1]) if moments else 0
        target = facts.get("rollout_target")
        if isinstance(target, Mapping) and named in self.hosts:
            self.hosts[named].after = str(target.get("id") or "")

    def _plan(self, waves: Mapping[str, Iterable[Iterable[str]]], now: float) -> None:
        """Take a plan; a host that an earlier batch of the run has done keeps its phase."""
        self.waves = {str(app): [list(wave) for wave in of_app] for app, of_app in waves.items()}
        known = self.hosts
        deepest = max(map(len, self.waves.values()))
        self.hosts = {
            name: known.get(name) or Host(app=app, wave=number + 1, since=now)
            for number in range(deepest)
            for app, of_app in self.waves.items()
            for name in (of_app[number] if number < len(of_app) else [])
        }
        self.began_at = self.began_at or now
        self.ended_at = 0

    def _judge(self, progress: Mapping[str, Any], now: float) -> None:
        """Take what was decided about a wave."""
        for name, done in (progress.get("hosts") or {}).items():
            phase = JUDGED.get(str(done.get("state")))
            host = self.hosts.get(name)
            if host is None or phase is None or host.phase is phase:
                continue
            self._move(name, phase, now)
            host.note = _first_line(done.get("reason"))
        self.stopped = {app: str(why) for app, why in (progress.get("stopped") or {}).items()}

    def begin_task(self, name: str, task: Task, now: float) -> None:
        """Take that a host begins a task."""
        phase = phase_during(task)
        if phase is None or name not in self.hosts or not self.is_active:
            return
        # A few hosts of a wave are enough to be watched, and all of them soak.
        beside = self._switched_with(name) if phase is Phase.SOAKING else []
        for one in (name, *beside):
            host = self.hosts[one]
            if host.phase is not phase:
                self._before[one] = host.phase
                host.note = ""
                self._move(one, phase, now)

    def end_task(self, name: str, task: Task, outcome: Outcome, now: float) -> None:
        """Take what became of a task on a host."""
        if name not in self.hosts or outcome.kind == "skipped":
            return
        host = self.hosts[name]
        result = outcome.result
        if task.action == ROLLOUT:
            self._take_lock(host, task, outcome)
        if task.action in (SOAK, TRAFFIC) and not task.delegated:
            self._take_traffic(host, result, now)
        if task.action == ROLLOUT and task.state == "ended":
            if self.kind == "patch" and not outcome.is_bad and host.phase not in FAILING:
                self._move(name, Phase.PATCHED, now)
            return
        # What becomes of a delegated task says nothing of the host that it was run for.
        if not self.is_active or task.delegated:
            return
        phase = phase_after(task, outcome, self._before.get(name, host.phase))
        if phase is None or phase is host.phase:
            return
        self._move(name, phase, now)
        host.note = _first_line(result.get("msg")) if outcome.is_bad else _note(task, result)

    def finish(self, now: float) -> None:
        """Take that the rollout has ended everywhere."""
        if not self.is_active:
            return
        self.ended_at = now
        for name, host in self.hosts.items():
            if host.phase in PREPARED:
                self._move(name, Phase.NOT_BEGUN, now)

    def _switched_with(self, name: str) -> list[str]:
        """Return the hosts of a host's wave that have been switched as well."""
        wave = self.hosts[name].wave
        return [
            other
            for other, host in self.hosts.items()
            if host.wave == wave and host.phase is Phase.CUT_OVER and other != name
        ]

    def _take_lock(self, host: Host, task: Task, outcome: Outcome) -> None:
        holder = outcome.result.get("holder") or {}
        if task.state == "begun" and not outcome.is_bad:
            host.locked = bool(outcome.result.get("acquired"))
            host.before = str(outcome.result.get("live") or "")
            if host.locked:
                self.who = str(holder.get("who") or self.who)
            else:
                host.note = f"locked by {holder.get('who')}" if holder else ""
        elif task.state == "ended" and not outcome.is_bad:
            host.locked = False

    def _take_traffic(self, host: Host, result: Mapping[str, Any], now: float) -> None:
        if isinstance(result.get("traffic"), Mapping):
            host.traffic = result["traffic"]
        remaining = result.get("remaining")
        if isinstance(remaining, int | float):
            self.soaked_at = now + remaining

    def _move(self, name: str, phase: Phase, now: float) -> None:
        host = self.hosts[name]
        host.phase = phase
        host.since = now


def _first_line(text: object) -> str:
    return str(text or "").strip().partition("\n")[0].removeprefix("Task failed: ")


def _note(task: Task, result: Mapping[str, Any]) -> str:
    """Return how long the longest step of a cut-over took, or why there was none."""
    if task.action != SLOT:
        return ""
    if not result.get("changed"):
        return "nothing to change"
    steps = [step for step in result.get("steps") or [] if step.get("seconds", 0) >= 0.1]
    longest = max(steps, key=lambda step: float(step["seconds"]), default=None)
    return f"{longest['step']} {longest['seconds']:.1f} s" if longest else ""
