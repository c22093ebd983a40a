"""A run told line by line, where no picture can be drawn: in CI, in a file, on a simple terminal.

And what is said in words in both cases: how a run has ended, and what to type next.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ansible_collections.asgi.fleet.plugins.plugin_utils.screen.fleet import Fleet
from ansible_collections.asgi.fleet.plugins.plugin_utils.screen.phases import (
    SWITCHED,
    Phase,
    Task,
    phase_during,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.screen.picture import duration, names
from ansible_collections.asgi.fleet.plugins.plugin_utils.screen.run import Run, Told

#: Hosts that a line names.
NAMED_HOSTS = 20
#: Phases that a host may have been interrupted in, on the way from one release to another.
HALF_DONE = frozenset({Phase.STARTING, Phase.REVERTING, Phase.UNREACHABLE, Phase.NOT_REVERTED})


def stamped(run: Run, now: float, text: str) -> str:
    """Return a line with the time since the run began."""
    return f"[{duration(now - run.began_at)}] {text}"


def told_lines(run: Run, told: Told, now: float) -> Iterator[str]:
    """Yield the lines of what a task has left, but for its errors."""
    for phase, hosts in told.reached.items():
        yield stamped(run, now, f"{phase.value}: {names(hosts, NAMED_HOSTS)}")
    if told.changed and told.task is not None:
        yield stamped(run, now, f"changed: {told.task.name} ({names(told.changed, NAMED_HOSTS)})")


def begun_line(run: Run, task: Task, now: float) -> str:
    """Return the line of a phase that begins."""
    phase = phase_during(task)
    return stamped(run, now, f"{phase.value if phase else task.name}: begins")


def next_steps(run: Run, playbooks: str) -> list[str]:
    """Return what to type after a rollout that has failed; nothing after another run.

    Args:
        run: The run.
        playbooks: How the command of a playbook begins: `ansible-playbook -i ... playbooks`.
    """
    fleet = run.fleet
    if not fleet.is_known or not fleet.has_failed:
        return []
    stuck = [name for name, host in fleet.hosts.items() if host.phase is Phase.NOT_REVERTED]
    if stuck:
        return [
            "next, as docs/operations.md has it (A host was not reverted):",
            f"  {playbooks}/drain.yml --limit {','.join(stuck)}",
        ]
    lost = [name for name, host in fleet.hosts.items() if host.phase is Phase.UNREACHABLE]
    if lost:
        without = ",".join(f"!{name}" for name in lost)
        return [
            f"next: the same command again; without what was lost: --limit 'all,{without}'",
            f"to look: {playbooks}/status.yml",
        ]
    if fleet.asked:
        return [
            "next: the same command again, when the release is to go on",
            f"to look: {playbooks}/status.yml",
        ]
    return [
        "next: fix the cause, and type the same command again",
        f"to look: {playbooks}/status.yml",
    ]


def interrupted_lines(fleet: Fleet, playbooks: str) -> list[str]:
    """Return what state the fleet is in after an interruption, and what to do.

    Args:
        fleet: The rollout that was interrupted.
        playbooks: How the command of a playbook begins: `ansible-playbook -i ... playbooks`.
    """
    if not fleet.is_active:
        return []
    lines = ["Interrupted in the middle of a rollout. The fleet, as far as it is known:"]
    lines += _releases(fleet)
    locked = [name for name, host in fleet.hosts.items() if host.locked]
    if locked:
        lines.append(
            f"The rollout {fleet.id} still holds the lock on {', '.join(locked)}. Type next:"
        )
        again = "the same command again, with -e fleet_take_over_lock=true"
    else:
        lines.append("No lock is held. Type next:")
        again = "the same command again"
    return [*lines, f"  {playbooks}/status.yml", f"  {again}"]


def _releases(fleet: Fleet) -> Iterator[str]:
    """Yield the hosts by what they run."""
    groups: dict[str, list[str]] = {}
    for name, host in fleet.hosts.items():
        if host.phase in SWITCHED:
            text = f"live on {host.after or 'the new release'}"
        elif host.phase in HALF_DONE:
            text = f"in the middle ({host.phase.value}), on one of both"
        elif host.phase in (Phase.REVERTED, Phase.REFUSED, Phase.UNCHANGED):
            text = f"{host.phase.value}, on {host.before or 'no release'}"
        else:
            text = f"not begun, on {host.before or 'no release'}"
        groups.setdefault(text, []).append(name)
    for text, hosts in groups.items():
        yield f"  {text}: {', '.join(hosts)}"


def verdict(run: Run, now: float) -> str:
    """Return in one line how a run has ended."""
    took = duration(now - run.began_at)
    if run.fleet.asked:
        return f"{run.kind} was interrupted after {took}"
    if run.has_failed:
        culprits = names(run.culprits)
        where = f" on {culprits}" if culprits else ""
        return f"{run.kind} failed{where} after {took}"
    return f"{run.kind} succeeded in {took}"


def changed_line(changed: Sequence[tuple[str, int]]) -> str:
    """Return on which hosts how many tasks have changed something; empty for none."""
    total = sum(count for _host, count in changed)
    if not total:
        return "nothing changed"
    hosts = [host for host, count in changed if count]
    return f"{total} changed on {names(hosts)}"
