"""The phases of a host in a rollout, from the actions that run on it.

What is known of a task is its action and the options that the playbook wrote out: names of tasks
may change, and a template is not resolved where a callback sees it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

ROLLOUT = "asgi.fleet.rollout"
RELEASE = "asgi.fleet.release"
SLOT = "asgi.fleet.slot"
HOOK = "asgi.fleet.hook"
SOAK = "asgi.fleet.soak"
TRAFFIC = "asgi.fleet.traffic_info"
SHOW = "asgi.fleet.show"
CLOSE = "asgi.fleet.rollout_close"
FACTS = "ansible.builtin.set_fact"
PAUSE = "ansible.builtin.pause"
#: What a picture of the fleet tells better than a line for each.
PICTURED = frozenset({ROLLOUT, RELEASE, SLOT, HOOK, SOAK, FACTS})


class Phase(Enum):
    """What a host is about; the value is what the operator reads."""

    NOT_BEGUN = "not begun"
    LOCKED = "locked"
    BUILDING = "building"
    BUILT = "built"
    HOOKS = "hooks"
    DRAINING = "draining"
    UPGRADING = "upgrading"
    REBOOTING = "rebooting"
    RETURNING = "returning"
    STARTING = "starting"
    HEALTHY = "healthy"
    CUT_OVER = "cut over"
    SOAKING = "soaking"
    LIVE = "live"
    PATCHED = "patched"
    REVERTING = "reverting"
    REVERTED = "reverted"
    UNCHANGED = "unchanged"
    REFUSED = "refused"
    UNHEALTHY = "unhealthy"
    UNREACHABLE = "unreachable"
    FAILED = "failed"
    NOT_REVERTED = "NOT REVERTED"


#: How far a host is, in tenths.
TENTHS: Mapping[Phase, int] = {
    Phase.NOT_BEGUN: 0,
    Phase.LOCKED: 1,
    Phase.BUILDING: 2,
    Phase.BUILT: 4,
    Phase.HOOKS: 4,
    Phase.DRAINING: 2,
    Phase.UPGRADING: 4,
    Phase.REBOOTING: 6,
    Phase.RETURNING: 9,
    Phase.STARTING: 5,
    Phase.HEALTHY: 8,
    Phase.CUT_OVER: 8,
    Phase.SOAKING: 8,
    Phase.LIVE: 10,
    Phase.PATCHED: 10,
    Phase.REVERTING: 5,
    Phase.REVERTED: 0,
    Phase.UNCHANGED: 0,
    Phase.REFUSED: 0,
    Phase.UNHEALTHY: 8,
    Phase.UNREACHABLE: 0,
    Phase.FAILED: 0,
    Phase.NOT_REVERTED: 8,
}
#: A host in one of these has failed, and gets a line of its own, above the others.
FAILING = frozenset(
    {Phase.REFUSED, Phase.UNHEALTHY, Phase.UNREACHABLE, Phase.FAILED, Phase.NOT_REVERTED}
)
#: Something runs on a host in one of these.
MOVING = frozenset(
    {
        Phase.BUILDING,
        Phase.HOOKS,
        Phase.DRAINING,
        Phase.UPGRADING,
        Phase.REBOOTING,
        Phase.RETURNING,
        Phase.STARTING,
        Phase.SOAKING,
        Phase.REVERTING,
    }
)
#: A host in one of these has been prepared, and runs what it ran before.
PREPARED = frozenset({Phase.LOCKED, Phase.BUILDING, Phase.BUILT, Phase.HOOKS})
#: A host in one of these serves the new release.
SWITCHED = frozenset({Phase.CUT_OVER, Phase.SOAKING, Phase.LIVE, Phase.UNHEALTHY})
#: The wave of a host in one of these has begun.
IN_WAVE = SWITCHED | {
    Phase.STARTING,
    Phase.REVERTING,
    Phase.REVERTED,
    Phase.REFUSED,
    Phase.NOT_REVERTED,
}


@dataclass(frozen=True)
class Task:
    """A task, as a callback sees it.

    Attributes:
        name: With its role, as Ansible shows it.
        action: Its action's full name.
        options: The options as the playbook has them, unresolved.
        path: Its file and line.
        delegated: Whether another host does it.
        once: Whether one host does it for all.
    """

    name: str
    action: str
    options: Mapping[str, Any] = field(default_factory=dict)
    path: str = ""
    delegated: bool = False
    once: bool = False

    @property
    def state(self) -> str:
        """The option `state`, with the default of `asgi.fleet.rollout`."""
        return str(self.options.get("state", "begun"))


@dataclass(frozen=True)
class Outcome:
    """What became of a task on a host.

    Attributes:
        kind: `ok`, `failed`, `unreachable` or `skipped`.
        result: What the module returned, where the phases need it; otherwise empty.
        ignored: Whether the playbook goes on after a failure.
    """

    kind: str
    result: Mapping[str, Any] = field(default_factory=dict)
    ignored: bool = False

    @property
    def is_bad(self) -> bool:
        """Whether it failed, or a module refused what the playbook judges later."""
        return self.kind in ("failed", "unreachable") or bool(self.result.get("is_refusal"))


def needs_result(task: Task) -> bool:
    """Return whether the phases depend on what a task returns: reading a result costs time."""
    if task.action == FACTS:
        return any(str(name).startswith("rollout_") for name in task.options)
    return task.action in PICTURED or task.action == TRAFFIC


def phase_during(task: Task) -> Phase | None:
    """Return the phase of a host while it runs a task; None if the task does not change it."""
    if task.action == ROLLOUT:
        return Phase.REVERTING if task.state == "reverted" else None
    if task.action == RELEASE:
        builds = task.options.get("state", "present") == "present" and "look" not in task.options
        return Phase.BUILDING if builds else None
    if task.action == HOOK:
        return None if "ran_elsewhere" in task.options else Phase.HOOKS
    if task.action == "asgi.fleet.packages":
        return Phase.UPGRADING if task.options.get("state") == "upgraded" else None
    if task.action == "asgi.fleet.balancer_server":
        return {"drain": Phase.DRAINING, "drained": Phase.DRAINING, "ready": Phase.RETURNING}.get(
            str(task.options.get("state"))
        )
    return {
        SLOT: Phase.STARTING,
        SOAK: Phase.SOAKING,
        "ansible.builtin.reboot": Phase.REBOOTING,
    }.get(task.action)


def phase_after(task: Task, outcome: Outcome, before: Phase) -> Phase | None:
    """Return the phase of a host after a task; None if the task does not change it.

    Args:
        task: The task.
        outcome: What became of it; not `skipped`.
        before: The host's phase before the task began.
    """
    if outcome.kind == "unreachable":
        return Phase.UNREACHABLE
    changed = bool(outcome.result.get("changed"))
    if task.action == ROLLOUT and task.state == "reverted":
        if outcome.is_bad:
            return Phase.NOT_REVERTED
        return Phase.REVERTED if changed else Phase.UNCHANGED
    if outcome.is_bad:
        refuses = task.action in (SLOT, RELEASE)
        return Phase.REFUSED if refuses else None if outcome.ignored else Phase.FAILED
    if task.action == ROLLOUT and task.state == "begun":
        return Phase.LOCKED if outcome.result.get("acquired") else None
    during = phase_during(task)
    return (
        {
            Phase.STARTING: Phase.CUT_OVER if changed else Phase.LIVE,
            Phase.BUILDING: Phase.BUILT,
            Phase.HOOKS: before,
            Phase.RETURNING: Phase.HEALTHY,
        }.get(during)
        if during
        else None
    )
