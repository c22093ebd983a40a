"""The steps that start a slot of an application, make it live and stop it.

`activation.py` and `reversal.py` define their order, and what happens after a failure.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import (
    Application,
    Slot,
    other,
)
from ansible_collections.asgi.fleet.plugins.module_utils.application.processes import (
    Process,
    longest_stop,
)
from ansible_collections.asgi.fleet.plugins.module_utils.application.processes import (
    existing as existing_processes,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host import control_group, systemd
from ansible_collections.asgi.fleet.plugins.module_utils.host.causes import probable_cause
from ansible_collections.asgi.fleet.plugins.module_utils.host.controller import (
    require_controller,
    told_to_end,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host.files import replace_link
from ansible_collections.asgi.fleet.plugins.module_utils.host.journal import tail
from ansible_collections.asgi.fleet.plugins.module_utils.host.locking import locked
from ansible_collections.asgi.fleet.plugins.module_utils.host.systemd import Refusal
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.environment import (
    parse_environment,
)
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.redaction import redacted
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.sandbox import Sandbox
from ansible_collections.asgi.fleet.plugins.module_utils.slots import processes, statics
from ansible_collections.asgi.fleet.plugins.module_utils.slots.health import (
    Health,
    crash,
    final_answer,
    unhealthy,
)
from ansible_collections.asgi.fleet.plugins.module_utils.slots.health_advice import advice
from ansible_collections.asgi.fleet.plugins.module_utils.timers.following import follow

#: Seconds between two checks of a slot that starts.
POLL_SECONDS = 0.05
#: Seconds that an answer of a slot that starts may take, as those of its workers to themselves.
PROBE_SECONDS = 10.0
#: Seconds for which an answer that no waiting makes right must stay, before it ends the wait: some
#: applications add their routes a moment after they have started.
CONFIRM_SECONDS = 1.0


@dataclass(frozen=True)
class Hooks:
    """Commands of the application on this host, each with `command` and `timeout` in seconds.

    `user`, `sandbox` and `memory_max` are those of `hooks.Surroundings`.
    """

    user: str = ""
    before: Sequence[Mapping[str, Any]] = ()
    after: Sequence[Mapping[str, Any]] = ()
    sandbox: Sandbox = field(default_factory=Sandbox)
    memory_max: str = ""


@dataclass(frozen=True)
class Desired:
    """A release and its files, in a version for each slot."""

    release: str
    files: dict[str, dict[str, str]]
    health: Health
    workers: int
    secret_names: tuple[str, ...] = ()
    hooks: Hooks = field(default_factory=Hooks)
    #: Folders of the source that nginx serves, by the path under which visitors ask for them.
    static: Mapping[str, str] = field(default_factory=dict)
    #: What runs besides the web workers, and the text of their units: by slot, and by name.
    processes: tuple[Process, ...] = ()
    process_files: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    #: Whether processes that run once in a fleet run on this host; None for as it is.
    singletons: bool | None = None


@dataclass
class CutOver:
    """What was done: steps with the seconds that each took, and what the operator should know."""

    changed: bool
    slot: str
    previous_slot: str | None
    steps: list[dict[str, object]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@contextmanager
def exclusive(application: Application, patience: float) -> Iterator[None]:
    """Hold the host's activation lock: two activations at the same time would share the idle slot.

    Args:
        application: The application.
        patience: Seconds to wait for another activation, such as one whose controller was killed.

    Raises:
        Refusal: Another activation of this application was running all the time.
        ControllerGone: The controller left while this waited.
    """
    busy = Refusal(
        f"another activation of {application.name} has been running on this host for more than "
        f"{patience:g} s; wait for it to end and run again"
    )
    name = f"{application.name}.activation"
    # The other activation may wait for the processes of the slot that it wants.
    with locked(name, patience + longest_stop(application), busy, application.root):
        yield


def start(slot: Slot, desired: Desired) -> None:
    """Start an idle slot and wait until each of its workers and its socket have answered 200.

    Raises:
        Refusal: it crashed, was not healthy within the timeout, or answers what no waiting makes
            right; with the last journal lines.
        ControllerGone: The controller left before it was.
    """
    health = desired.health
    began = time.time()
    deadline = time.monotonic() + health.timeout
    systemd.systemctl("reset-failed", *slot.units, check=False)
    systemd.for_units("start", slot.units[:1])
    systemd.for_units("start", slot.units[1:], "--no-block")
    final_since: float | None = None
    while True:
        require_controller()
        state = systemd.show(slot.units[1])
        problem = crash(state)
        if problem is None:
            left = max(1.0, deadline - time.monotonic())
            problem = unhealthy(slot, health, desired.workers, state, min(PROBE_SECONDS, left))
            if problem is None:
                return
            final = final_answer(slot, health, state)
            final_since = (final_since or time.monotonic()) if final else None
            is_confirmed = final_since and time.monotonic() >= final_since + CONFIRM_SECONDS
            if not is_confirmed and time.monotonic() < deadline:
                time.sleep(POLL_SECONDS)
                continue
            problem = f"was not healthy within {health.timeout:g} s: {problem}"
            if final:
                problem = advice(slot, health, final)
        # The application's answer may contain a secret, and so may its journal.
        told = journal(slot, began, desired)
        values = parse_environment(desired.files[slot.slot]["environment"])
        raise Refusal(
            f"{slot.unit}.service {blanked(problem, slot, desired)}\n"
            f"Release {os.path.basename(desired.release)} was stopped and takes no traffic. "
            + probable_cause(f"{problem}\n{told}", desired.release, values)
            + f"Last lines of its journal:\n{told}"
        )


def swap(application: Application, target: Slot) -> float:
    """Point `live.sock` at the slot, by rename(2), and sync it to disk. Return: when (Unix time).

    nginx's static files change just before: it still finds those of the release before, and a page
    of the new one never asks for a file that is not there yet.
    """
    folder = os.path.dirname(application.live_link)
    statics.point(application, target.release())
    replace_link(target.socket, application.live_link)
    moment = time.time()
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return moment


def settle(
    application: Application, live: Slot, stop: bool = True, unreloaded: bool = False
) -> bool:
    """Enable the live units; disable the other slot's and let them drain. Return: any change.

    Args:
        application: The application.
        live: The slot that is live.
        stop: Whether the other slot ends now; a rollout that goes on keeps it for a revert.
        unreloaded: Whether units were enabled before that systemd has not read since.
    """
    idle = application.slot(other(live.slot))
    leftover = existing(idle)
    needed, unneeded = processes.at_boot(live, idle)
    at_boot = systemd.enabled([*live.units, *leftover, *needed, *unneeded])
    missing = [unit for unit in (*live.units, *needed) if unit not in at_boot]
    superfluous = [unit for unit in (*leftover, *unneeded) if unit in at_boot]
    for verb, units in (("enable", missing), ("disable", superfluous)):
        systemd.for_units(verb, units, systemd.WITHOUT_RELOAD)
    changed = bool(missing or superfluous)
    if changed or unreloaded:
        systemd.reload()
    changed |= follow(live)
    changed |= processes.settle(live, idle)
    if stop and _must_stop(leftover):
        # Without waiting: the workers answer what still arrives, and then end.
        systemd.for_units("stop", leftover, "--no-block")
        changed = True
    elif stop and _has_left_processes(idle):
        control_group.kill(idle.units[1])
        changed = True
    return changed


def _must_stop(units: list[str]) -> bool:
    """Tell whether any of a slot's units runs, and is not about to stop already.

    While a service drains its socket is still active: systemd stops it after the service.
    """
    states = [systemd.show(unit)["ActiveState"] for unit in units]
    return "deactivating" not in states and any(
        state in ("active", "activating", "reloading") for state in states
    )


def _has_left_processes(slot: Slot) -> bool:
    """Tell whether a service that no longer runs, such as one that crashed, has left processes."""
    state = systemd.show(slot.units[1])
    ended = state["ActiveState"] in ("inactive", "failed")
    return ended and bool(control_group.members(state["ControlGroup"]))


def put_away(slot: Slot) -> list[int]:
    """Stop an idle slot with all that it started, and do not start it at boot.

    Returns:
        The PIDs of what its service had left behind, which is gone now too.

    Raises:
        Refusal: systemd refused something, or a process could not be ended.
    """
    units = [*existing(slot), *existing_processes(slot)]
    at_boot = systemd.enabled(units)
    if at_boot:
        systemd.for_units(
            "disable", [unit for unit in units if unit in at_boot], systemd.WITHOUT_RELOAD
        )
        systemd.reload()
    return end(slot)


def end(slot: Slot) -> list[int]:
    """Stop a slot's units, wait for its drain, and end what the service has left behind.

    Returns:
        The PIDs of what was left behind.

    Raises:
        Refusal: systemd refused something, or a process could not be ended.
    """
    units = [*existing(slot), *existing_processes(slot)]
    if told_to_end() and systemd.is_host_stopping():
        # A host that goes down stops its units itself, the sockets last, and waits for this module
        # before: each would wait for the other, until systemd kills this after 90 seconds.
        return []
    systemd.for_units("stop", units)
    return control_group.end(slot.units[1]) if slot.units[1] in units else []


def journal(slot: Slot, since: float, desired: Desired, unit: str = "") -> str:
    """Return the slot's last journal lines since `since` (Unix time), with secrets hidden.

    Those of its service, or of another unit of it.
    """
    text = blanked(tail(unit or slot.units[1], since), slot, desired)
    return "".join(f"  {line}\n" for line in text.splitlines())


def blanked(text: str, slot: Slot, desired: Desired) -> str:
    """Return an application's output, with its secrets replaced by their names."""
    values = parse_environment(desired.files[slot.slot]["environment"])
    return redacted(text, values, desired.secret_names)


def existing(slot: Slot) -> list[str]:
    """Return the slot's units that have a file; systemctl refuses others."""
    paths = (slot.files[kind] for kind in ("socket", "service"))
    return [os.path.basename(path) for path in paths if os.path.exists(path)]


@contextmanager
def timed(outcome: CutOver, step: str) -> Iterator[None]:
    """Add a step to the outcome, with the seconds it took."""
    began = time.monotonic()
    yield
    outcome.steps.append({"step": step, "seconds": round(time.monotonic() - began, 2)})
