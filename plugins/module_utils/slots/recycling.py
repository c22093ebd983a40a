"""Recycling: the live release is started anew in the other slot, when it is old or holds too much.

A timer runs this on the host, as root, without the controller. It starts nothing but systemd's
units, so no code of the application runs as root. What decides is its master's age, and what the
slot holds of its `MemoryMax=`. Hosts take turns by their clocks; a rollout goes first.
"""

# A program, and no module: it prints, and ends by itself.
# pylint: disable=ansible-bad-function

from __future__ import annotations

import json
import math
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from ansible_collections.asgi.fleet.plugins.module_utils.application import (
    history,
    lock,
    processes,
)
from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import (
    Application,
    Slot,
    other,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host import systemd
from ansible_collections.asgi.fleet.plugins.module_utils.host.controller import (
    ControllerGone,
    heeding_signals,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host.files import read_text, write_file
from ansible_collections.asgi.fleet.plugins.module_utils.host.held_memory import held_bytes
from ansible_collections.asgi.fleet.plugins.module_utils.host.locking import (
    UnsafeFolderError,
    locked,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host.systemd import Refusal
from ansible_collections.asgi.fleet.plugins.module_utils.slots.cut_over import (
    Desired,
    put_away,
    settle,
    start,
    swap,
)
from ansible_collections.asgi.fleet.plugins.module_utils.slots.health import Health
from ansible_collections.asgi.fleet.plugins.module_utils.slots.process_start import start_processes
from ansible_collections.asgi.fleet.plugins.module_utils.slots.processes import (
    settle as settle_processes,
)
from ansible_collections.asgi.fleet.plugins.module_utils.slots.reversal import unfinished
from ansible_collections.asgi.fleet.plugins.module_utils.slots.slot_files import (
    configure,
    counterpart,
    counterpart_processes,
    keep_counterpart,
)

#: Seconds within which each host has its turn, as far as that many fit.
ROUND_SECONDS = 3600
#: Seconds of a turn beyond those that a recycle may take: for the timer to come.
TURN_MARGIN = 120
#: Seconds before the next try after a failure: doubled with each one, up to the most.
FIRST_RETRY, LONGEST_RETRY = 900, 6 * 3600
#: Characters of a reason that are kept.
LONGEST_REASON = 2000
MIB = 1024 * 1024


@dataclass(frozen=True)
class Settings:
    """What the controller has written for the timer.

    Attributes:
        name: The application.
        after_seconds: The age of the master from which on it is due; 0 for any.
        memory_percent: The share of `MemoryMax=` from which on it is due; 0 for any.
        place: Which of the hosts this one is, from 0 on.
        hosts: How many there are.
        turn_seconds: How long the turn of a host is.
        start_seconds: What a recycle may take until its slot is live.
        health: What is healthy, as `Health`.
        secret_names: Variables whose values are hidden in a reason.
    """

    name: str
    after_seconds: int
    memory_percent: int
    place: int
    hosts: int
    turn_seconds: int
    start_seconds: float
    health: Mapping[str, Any]
    secret_names: Sequence[str] = ()


@dataclass(frozen=True)
class Standing:
    """The live slot's age in seconds, and its memory in bytes; a limit of 0 is none."""

    age: float
    held: int
    limit: int


@dataclass(frozen=True)
class Told:
    """What the last recycles came to, kept for whoever asks.

    Attributes:
        at: When the last one ended (Unix time); 0 for never.
        why: Why it was due.
        slot: The slot that it made live; empty if it failed.
        failures: How many have failed in a row.
        reason: Why the last one did; empty if it did not.
        next: Before when none is tried again (Unix time).
        waiting: What a recycle that is due waits for; empty for nothing.
        waiting_since: Since when it waits for that (Unix time); 0 for nothing.
    """

    at: int = 0
    why: str = ""
    slot: str = ""
    failures: int = 0
    reason: str = ""
    next: int = 0
    waiting: str = ""
    waiting_since: int = 0


@dataclass
class Recycler:
    """Recycles one application.

    Attributes:
        application: The application.
        settings: What the controller has written.
        clock: The time (Unix).
        look: How the live slot stands.
    """

    application: Application
    settings: Settings
    clock: Callable[[], float] = time.time
    look: Callable[[Slot], Standing | None] = field(default_factory=lambda: standing)

    def run(self) -> str:
        """Recycle if that is due and it is this host's turn.

        Returns:
            What was done, for the journal; empty for nothing.

        Raises:
            Refusal: The new slot did not become healthy; what is live stays live.
        """
        told = current(self.application)
        # Of a clock that was ahead when it failed, the moment may be years away.
        if 0 < told.next - self.clock() <= LONGEST_RETRY:
            return ""
        if not self._due():
            if told.waiting:
                # It is due no more: nothing waits.
                write_told(self.application, replace(told, waiting="", waiting_since=0))
            return ""
        if not is_turn(self.settings, self.clock()):
            return ""
        busy = TimeoutError()
        try:
            with locked(f"{self.application.name}.activation", 0, busy, self.application.root):
                return self._run(told)
        except TimeoutError:
            return self._wait(told, "an activation or a revert is under way")

    def _run(self, told: Told) -> str:
        # Asked again: whoever held the lock may have switched.
        why = self._due()
        live = self.application.live_slot()
        if not why or live is None:
            return ""
        if obstacle := self._obstacle(live):
            return self._wait(told, obstacle)
        target = self.application.slot(other(live))
        try:
            desired = self._desired(self.application.slot(live))
            put_away(target)
            configure(target, desired)
            began = time.monotonic()
            start(target, desired)
            seconds = time.monotonic() - began
            start_processes(target, desired, self.application.slot(live), seconds)
            # Seen only now: it was not there when this began.
            if obstacle := self._obstacle(live):
                self._give_up(target, live)
                return self._wait(told, obstacle)
            moment = swap(self.application, target)
        except ControllerGone:
            self._give_up(target, live)
            return "told to end: nothing was switched"
        except (Refusal, OSError) as error:
            self._give_up(target, live)
            self._fail(told, why, str(error))
            raise Refusal(str(error)) from error
        history.record(self.application, "recycled", target.slot, desired.release, moment=moment)
        write_told(self.application, Told(int(self.clock()), why, target.slot))
        keep_counterpart(target, desired)
        settle(self.application, target, unreloaded=bool(desired.processes))
        return f"{target.unit} is live: {why}"

    def _give_up(self, target: Slot, live: str) -> None:
        put_away(target)
        # What had to end before its successor could start.
        settle_processes(self.application.slot(live), target)

    def _due(self) -> str:
        live = self.application.live_slot()
        if live is None:
            return ""
        found = self.look(self.application.slot(live))
        return due(self.settings, found) if found else ""

    def _obstacle(self, live: str) -> str:
        """Return what goes before a recycle; empty for nothing."""
        holder = lock.holder(self.application)
        if holder is not None:
            return f"a rollout is under way, by {holder['who']} (rollout {holder['rollout']})"
        release = os.path.basename(self.application.slot(live).release() or "")
        # By the slot that it has replaced, the rollout can still be reverted.
        if history.rollouts(self.application) and unfinished(self.application, release, live):
            return f"the rollout of {release} has not succeeded on all hosts yet"
        return ""

    def _desired(self, live: Slot) -> Desired:
        """Return what is live, with the files of both slots.

        Raises:
            Refusal: The other slot's files are not known.
        """
        files = counterpart(live)
        release = live.release()
        names = {process.name for process in processes.planned(live)}
        if (
            release is None
            or not all(files[kind] for kind in ("socket", "service", "settings"))
            or not names <= counterpart_processes(live).keys()
        ):
            raise Refusal(
                f"the files of {self.application.name}'s other slot are not on this host; run "
                "ansible-playbook deploy.yml"
            )
        return Desired(
            release=release,
            files={live.slot: live.contents(), other(live.slot): files},
            health=Health(**self.settings.health),
            workers=live.planned_workers(),
            secret_names=tuple(self.settings.secret_names),
            processes=processes.planned(live),
            process_files={
                live.slot: processes.texts_by_name(live),
                other(live.slot): counterpart_processes(live),
            },
        )

    def _wait(self, told: Told, obstacle: str) -> str:
        # Written once, and not at each look of the timer.
        if told.waiting != obstacle:
            since = int(self.clock())
            write_told(self.application, replace(told, waiting=obstacle, waiting_since=since))
        return ""

    def _fail(self, told: Told, why: str, reason: str) -> None:
        now = int(self.clock())
        failures = told.failures + 1
        after = min(FIRST_RETRY * 2 ** (failures - 1), LONGEST_RETRY)
        write_told(
            self.application,
            Told(now, why, "", failures, _short(reason), now + after),
        )


def _short(reason: str) -> str:
    """Return a reason's first line, and the end: the last line of a traceback says most."""
    first, _line, rest = reason.partition("\n")
    return reason if len(reason) <= LONGEST_REASON else f"{first}\n{rest[-LONGEST_REASON:]}"


def due(settings: Settings, found: Standing) -> str:
    """Return why a slot is due; empty if it is not."""
    if settings.after_seconds and found.age >= settings.after_seconds:
        return f"its master is {span(found.age)} old; due after {span(settings.after_seconds)}"
    percent = settings.memory_percent
    if percent and found.limit and 100 * found.held >= percent * found.limit:
        return (
            f"it holds {found.held // MIB} MB, {100 * found.held // found.limit} % of its "
            f"{found.limit // MIB} MB; due at {percent} %"
        )
    return ""


def is_turn(settings: Settings, now: float) -> bool:
    """Return whether this host may begin now.

    Hosts take turns by their clocks, which the baseline keeps right. A turn is longer than a
    recycle may take, and nothing begins that might not be live before its end. Of more hosts than
    turns fit in an hour, some share one: else a leak would have to wait for hours.
    """
    turns = min(settings.hosts, max(1, ROUND_SECONDS // settings.turn_seconds))
    if turns == 1:
        return True
    turn, passed = divmod(now, settings.turn_seconds)
    left = settings.turn_seconds - passed
    return int(turn) % turns == settings.place % turns and left > settings.start_seconds


def turn_seconds(start_seconds: float) -> int:
    """Return how long the turn of a host is."""
    return math.ceil(start_seconds) + TURN_MARGIN


def standing(slot: Slot) -> Standing | None:
    """Return how a slot stands; None while it does not run."""
    wanted = ("ActiveState", "ExecMainStartTimestampMonotonic", "MemoryMax", "ControlGroup")
    shown = systemd.systemctl("show", f"--property={','.join(wanted)}", slot.units[1])
    found = dict(line.partition("=")[::2] for line in shown.splitlines())
    started = found.get("ExecMainStartTimestampMonotonic", "")
    if found.get("ActiveState") != "active" or not started.isdigit():
        return None
    limit = found.get("MemoryMax", "")
    return Standing(
        age=time.monotonic() - int(started) / 1_000_000,
        held=held_bytes(found.get("ControlGroup", "")),
        limit=int(limit) if limit.isdigit() else 0,
    )


def unseen(application: Application, memory_percent: int, prefix: str) -> list[str]:
    """Return what an activation should be told if a recycle by memory can never be due.

    Args:
        application: The application.
        memory_percent: The share of `MemoryMax=` that is wanted; 0 for none.
        prefix: Prefix of the variables that messages name.
    """
    live = application.live_slot()
    found = standing(application.slot(live)) if live and memory_percent else None
    if found is None or (found.held and found.limit):
        return []
    unit = application.slot(live or "").units[1]
    lacks = "memory" if found.limit else "limit (MemoryMax=)"
    return [
        f"{prefix}recycle.memory has no effect here: {unit} has no {lacks} that can be read; "
        "expected the kernel to count memory (no cgroup_disable=memory on its command line), and "
        f"a limit in the unit; set {prefix}recycle.after, or correct that"
    ]


def span(seconds: float) -> str:
    """Return a time as people say it: `45 s`, `12 min`, `12.5 h`."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def read_told(application: Application) -> Told:
    """Return what the last recycles came to; nothing before the first, or if it is not readable."""
    try:
        found = json.loads(read_text(application.recycled))
        return Told(**{name: found[name] for name in Told.__dataclass_fields__ if name in found})
    except (ValueError, TypeError):
        return Told()


def current(application: Application) -> Told:
    """Return what the last recycles of the live slot came to: a release begins anew."""
    told = read_told(application)
    live = [done.at for done in history.activations(application) if done.event == "live"]
    if not live or live[-1] <= told.at:
        return told
    if told.waiting_since < int(live[-1]):
        return Told()
    return Told(waiting=told.waiting, waiting_since=told.waiting_since)


def write_told(application: Application, told: Told) -> None:
    """Keep what a recycle came to."""
    write_file(application.recycled, json.dumps(asdict(told)) + "\n", 0o644)


def met(application: Application, since: float) -> list[str]:
    """Return what an activation should be told that has waited for a recycle.

    Args:
        application: The application.
        since: When it began to wait (Unix time).
    """
    told = read_told(application)
    if not told.slot or told.at < int(since):
        return []
    return [f"waited for a recycle of {application.name} that was under way: {told.why}"]


def main(arguments: Sequence[str]) -> int:
    """Run as a program: `recycle.pyz SETTINGS`."""
    try:
        with open(arguments[0], encoding="utf-8") as file:
            settings = Settings(**json.load(file))
    except FileNotFoundError:
        # Switched off since the timer has started this.
        return 0
    try:
        with heeding_signals():
            done = Recycler(Application(settings.name), settings).run()
    except (ControllerGone, OSError, Refusal, UnsafeFolderError) as error:
        print(error, file=sys.stderr)
        return 1
    if done:
        print(done)
    return 0
