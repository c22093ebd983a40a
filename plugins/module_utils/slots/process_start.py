"""Start the processes of a release that is not live yet: they must stay up."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence

from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Slot
from ansible_collections.asgi.fleet.plugins.module_utils.application.processes import (
    Process,
    runs_singletons,
    units,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host import systemd
from ansible_collections.asgi.fleet.plugins.module_utils.host.causes import probable_cause
from ansible_collections.asgi.fleet.plugins.module_utils.host.controller import require_controller
from ansible_collections.asgi.fleet.plugins.module_utils.host.systemd import Refusal
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.environment import (
    parse_environment,
)
from ansible_collections.asgi.fleet.plugins.module_utils.slots import processes
from ansible_collections.asgi.fleet.plugins.module_utils.slots.cut_over import (
    Desired,
    blanked,
    journal,
)
from ansible_collections.asgi.fleet.plugins.module_utils.slots.health import crash

#: Seconds that a process must stay up, at least and at most.
SETTLE_SECONDS = 2.0
MOST_SETTLE_SECONDS = 30.0
POLL_SECONDS = 0.1


def start_processes(slot: Slot, desired: Desired, live: Slot | None, web_seconds: float) -> None:
    """Start the processes of an idle slot, and see that they stay up.

    Those that may run beside their predecessors are first: if one of them fails, nothing that runs
    was touched. Each of the others starts when its predecessor has ended.

    Args:
        slot: The idle slot, configured.
        desired: What it shall run.
        live: The slot that is live; None for none.
        web_seconds: How long its web workers took to become healthy. A process imports the same
            application on the same host, and one that fails to needs about as long to find out.

    Raises:
        Refusal: One did not stay up; with its last journal lines.
        ControllerGone: The controller left meanwhile.
    """
    here = runs_singletons(slot.application)
    ours = [one for one in desired.processes if here or not one.once_per_fleet]
    settle = min(max(SETTLE_SECONDS, web_seconds), MOST_SETTLE_SECONDS)
    beside = [process for process in ours if process.overlap]
    alone = [process for process in ours if not process.overlap]
    _start(slot, desired, beside, settle)
    if alone and live is not None:
        processes.stop_alone(live, {process.name for process in alone})
    _start(slot, desired, alone, settle)


def _start(slot: Slot, desired: Desired, some: Sequence[Process], settle: float) -> None:
    started = units(slot, some)
    if not started:
        return
    began = time.time()
    systemd.systemctl("reset-failed", *started, check=False)
    systemd.for_units("start", started, "--no-block")
    deadline = time.monotonic() + desired.health.timeout
    up_since: float | None = None
    while up_since is None or time.monotonic() < up_since + settle:
        require_controller()
        time.sleep(POLL_SECONDS)
        states = systemd.show_all(started)
        for unit, state in states.items():
            if problem := crash(state):
                raise _refusal(slot, desired, unit, f"did not stay up: it {problem}", began)
        waiting = [unit for unit in started if states[unit]["ActiveState"] != "active"]
        if not waiting:
            up_since = up_since or time.monotonic()
        elif time.monotonic() >= deadline:
            # Type=notify: it runs, and does not say that it is ready.
            problem = f"was not ready within {desired.health.timeout:g} s"
            raise _refusal(slot, desired, waiting[0], problem, began)


def _refusal(slot: Slot, desired: Desired, unit: str, problem: str, began: float) -> Refusal:
    told = journal(slot, began, desired, unit)
    values = parse_environment(desired.files[slot.slot]["environment"])
    return Refusal(
        f"{unit} {blanked(problem, slot, desired)}\n"
        f"Release {os.path.basename(desired.release)} was stopped and takes no traffic. "
        + probable_cause(f"{problem}\n{told}", desired.release, values)
        + f"Last lines of its journal:\n{told}"
    )
