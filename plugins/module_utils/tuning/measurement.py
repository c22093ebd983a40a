"""A measurement: each number of workers in each round, in a slot of its own, under load."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import (
    FILE_MODES,
    Application,
    other,
)
from ansible_collections.asgi.fleet.plugins.module_utils.application.lock import (
    acquire,
    require_lock,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host import systemd
from ansible_collections.asgi.fleet.plugins.module_utils.host.controller import require_controller
from ansible_collections.asgi.fleet.plugins.module_utils.host.files import (
    replace_link,
    write_file,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host.systemd import Refusal
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.state import Holder
from ansible_collections.asgi.fleet.plugins.module_utils.slots import cut_over
from ansible_collections.asgi.fleet.plugins.module_utils.slots.cut_over import Desired
from ansible_collections.asgi.fleet.plugins.module_utils.slots.health import (
    Health,
    workers_of,
)
from ansible_collections.asgi.fleet.plugins.module_utils.tuning import (
    front,
    gauges,
    keeper,
    load,
    load_tool,
)
from ansible_collections.asgi.fleet.plugins.module_utils.tuning.front import Front
from ansible_collections.asgi.fleet.plugins.module_utils.tuning.load import Served
from ansible_collections.asgi.fleet.plugins.module_utils.tuning.load_tool import LoadTool
from ansible_collections.asgi.fleet.plugins.module_utils.tuning.place import (
    Step,
    TuneSlot,
    drop_in_text,
    slot_of,
)

#: Seconds for which the host is looked at before each load.
QUIET_SECONDS = 1.0
#: Seconds of the first load, which shows whether the requests are right.
TRIAL_SECONDS = 2


@dataclass(frozen=True)
class Wanted:
    """What to measure.

    Attributes:
        release: Folder of the live release.
        files: The slot's files, by their kinds.
        health: How the slot proves that it can serve.
        steps: The numbers of workers.
        rounds: How often each of them is measured.
        seconds: How long the load of one measurement lasts.
        warm_seconds: How long the load before it lasts.
        connections: How many requests are under way at once.
        script: The load tool's script.
        front: What nginx in front of the slot has to know.
        secret_names: Variables whose values are hidden when the journal is shown.
    """

    release: str
    files: Mapping[str, str]
    health: Health
    steps: Sequence[Step]
    rounds: int
    seconds: int
    warm_seconds: int
    connections: int
    script: str
    front: Front = field(default_factory=Front)
    secret_names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Measured:
    """One measurement.

    Attributes:
        workers: How many workers there were.
        round: In which round, from 1.
        rps: Requests a second.
        p50_ms: Half of the requests took at most so long.
        p99_ms: 99 in 100 took at most so long.
        requests: How many were answered.
        memory_mb: What the workers had together after the load (PSS).
        largest_mb: What the largest of them had.
        connections: Open TCP connections of the workers, by the address they lead to.
        busy_percent: How busy the host was just before.
        steal_percent: What other guests of its machine took meanwhile.
        problem: Why it does not count; empty if it does.
    """

    workers: int
    round: int
    rps: float = 0.0
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    requests: int = 0
    memory_mb: float = 0.0
    largest_mb: float = 0.0
    connections: Mapping[str, int] = field(default_factory=dict)
    busy_percent: float = 0.0
    steal_percent: float = 0.0
    problem: str = ""


def order(steps: Sequence[Step], rounds: int) -> list[tuple[int, Step]]:
    """Return what is measured one after the other: each round turns the order of the last one.

    So a host that becomes slower or faster meanwhile does so for all numbers alike.
    """
    found: list[tuple[int, Step]] = []
    for number in range(1, rounds + 1):
        found += [(number, step) for step in (steps if number % 2 else reversed(steps))]
    return found


def measure(application: Application, wanted: Wanted, holder: Holder) -> list[dict[str, Any]]:
    """Measure, and leave everything as it was.

    Args:
        application: The application.
        wanted: What to measure.
        holder: Who measures: the application is locked for that.

    Raises:
        Refusal: Another run has locked the application, or nothing can be measured.
        LockError: The lock was taken from this measurement.
        ControllerGone: The controller has gone.
    """
    slot = slot_of(application)
    live = application.live_slot()
    if live is None or application.slot(live).release() != wanted.release:
        raise Refusal(
            f"{os.path.basename(wanted.release)} is not live on this host any more; expected the "
            "release that is; run again"
        )
    with (
        cut_over.exclusive(application, wanted.health.timeout + 120),
        keeper.kept(slot, holder["rollout"]),
    ):
        attempt = acquire(application, holder, take_over=False)
        if not attempt.acquired:
            raise Refusal(
                f"{application.name} is locked on this host by {attempt.holder['who']} "
                f"(rollout {attempt.holder['rollout']}); expected no other run; wait for it to "
                "end and run again"
            )
        _refuse_a_draining_slot(application, live)
        tool = load_tool.find(slot.tool_folder)
        _configure(slot, wanted)
        return [asdict(one) for one in _rounds(slot, wanted, tool, holder["rollout"])]


def _refuse_a_draining_slot(application: Application, live: str) -> None:
    idle = application.slot(other(live))
    if systemd.show(idle.units[1])["ActiveState"] not in ("inactive", "failed"):
        raise Refusal(
            f"{idle.unit}.service still runs: it drains, and would be measured as well; expected "
            "the live slot alone; run again when it has ended"
        )


def _configure(slot: TuneSlot, wanted: Wanted) -> None:
    os.makedirs(os.path.dirname(slot.files["service"]), mode=0o755, exist_ok=True)
    # Without what a slot has for others: nobody asks this one for its metrics.
    for kind, text in wanted.files.items():
        write_file(slot.files[kind], text, FILE_MODES[kind])
    write_file(os.path.join(slot.folder, "load.lua"), wanted.script, 0o600)
    replace_link(slot.socket, slot.live_link)


def _rounds(slot: TuneSlot, wanted: Wanted, tool: LoadTool, rollout: str) -> list[Measured]:
    found: list[Measured] = []
    for number, step in order(wanted.steps, wanted.rounds):
        require_controller()
        require_lock(slot.application, rollout)
        try:
            found.append(_measured(slot, wanted, tool, number, step, trial=not found))
        except Refusal as refusal:
            if not found:
                # Whatever it is, it is wrong for all of them.
                raise
            reason = str(refusal).partition("\n")[0]
            found.append(Measured(step.workers, number, problem=reason))
        finally:
            # First nginx: a slot with idle connections waits for them.
            front.stop(slot)
            cut_over.end(slot)
    return found


def _measured(
    slot: TuneSlot, wanted: Wanted, tool: LoadTool, number: int, step: Step, *, trial: bool
) -> Measured:
    os.makedirs(os.path.dirname(slot.drop_in), mode=0o755, exist_ok=True)
    write_file(slot.drop_in, drop_in_text(wanted.files["service"], step), 0o644)
    systemd.reload()
    desired = Desired(
        wanted.release,
        {slot.slot: dict(wanted.files)},
        wanted.health,
        step.workers,
        wanted.secret_names,
    )
    cut_over.start(slot, desired)
    port = front.start(slot, wanted.front)
    if trial:
        # One after the other: no number of workers would answer these better.
        _refuse_wrong_requests(load.run(slot, tool, port, 1, TRIAL_SECONDS, statuses=True))
    before = gauges.ticks()
    time.sleep(QUIET_SECONDS)
    busy, _steal = gauges.ticks().since(before)
    load.run(slot, tool, port, wanted.connections, wanted.warm_seconds)
    pids = workers_of(int(systemd.show(slot.units[1])["MainPID"]))
    before = gauges.ticks()
    served = load.run(slot, tool, port, wanted.connections, wanted.seconds)
    _busy, steal = gauges.ticks().since(before)
    after = workers_of(int(systemd.show(slot.units[1])["MainPID"]))
    memory = [gauges.memory_mb(pid) for pid in after]
    return Measured(
        step.workers,
        number,
        round(served.rps, 1),
        served.p50_ms,
        served.p99_ms,
        served.requests,
        round(sum(memory), 1),
        round(max(memory, default=0.0), 1),
        gauges.connections(after),
        busy,
        steal,
        served.problem or _replaced(pids, after),
    )


def _refuse_wrong_requests(served: Served) -> None:
    if problem := served.problem:
        raise Refusal(
            f"the requests are not answered as they should be, one after the other and without "
            f"load: {problem}; expected status 2xx for each; correct tune_requests, or see the "
            "application's log: ansible-playbook playbooks/logs.yml"
        )


def _replaced(before: Sequence[int], after: Sequence[int]) -> str:
    gone = set(before) - set(after)
    return f"{len(gone)} of {len(before)} workers ended under load" if gone else ""
