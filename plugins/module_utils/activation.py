"""Bring a release live in one of the two slots of a host, or leave everything as it was.

The order is that of docs/decisions.md: the idle slot is written and started, must prove that every
worker of it serves, is enabled, and only then `live.sock` is renamed to it; the old slot drains in
the background. At every point before the rename the live slot has not been touched; at every point
after it, running the same again only tidies up.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.asgi.fleet.plugins.module_utils import systemd
from ansible_collections.asgi.fleet.plugins.module_utils.files import (
    append_line,
    replace_link,
    write_file,
)
from ansible_collections.asgi.fleet.plugins.module_utils.health import Health, crash, unhealthy
from ansible_collections.asgi.fleet.plugins.module_utils.journal import tail
from ansible_collections.asgi.fleet.plugins.module_utils.locking import locked
from ansible_collections.asgi.fleet.plugins.module_utils.retention import activations
from ansible_collections.asgi.fleet.plugins.module_utils.rollout import (
    RolloutError,
    finished,
    note,
    run_hook,
)
from ansible_collections.asgi.fleet.plugins.module_utils.slots import (
    FILE_MODES,
    Application,
    Slot,
    changed_kinds,
    hide_values,
    other,
    parse_environment,
    planned_workers,
    without_secrets,
)
from ansible_collections.asgi.fleet.plugins.module_utils.systemd import Refusal

#: Seconds between two looks at a slot that starts.
POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Hooks:
    """Commands of the application on this host, each with `command` and `timeout` in seconds."""

    user: str = ""
    before: Sequence[Mapping[str, Any]] = ()
    after: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True)
class Desired:
    """A release and the five files it runs with, in the version of either slot."""

    release: str
    files: dict[str, dict[str, str]]
    health: Health
    workers: int
    secret_names: tuple[str, ...] = ()
    hooks: Hooks = field(default_factory=Hooks)


@dataclass(frozen=True)
class Plan:
    """What is to be done, and why.

    `cut_over` starts `slot` and swaps; without it `slot` is live already and only the units that
    a torn run left enabled or running are put right.
    """

    slot: str
    cut_over: bool
    reasons: tuple[str, ...]


@dataclass
class Outcome:
    """What was done: steps with the seconds that each took."""

    changed: bool
    slot: str
    previous_slot: str | None
    steps: list[dict[str, object]] = field(default_factory=list)


def plan(
    application: Application, desired: Desired, live_is_active: bool, restart: bool = False
) -> Plan:
    """Decide whether the idle slot must take over, from what is on disk; changes nothing.

    Args:
        application: The application.
        desired: What shall be live.
        live_is_active: Whether the live slot's service runs.
        restart: Whether the idle slot shall take over in any case.
    """
    live = application.live_slot()
    if live is None:
        return Plan(other(None), True, ("no slot is live yet",))
    slot = application.slot(live)
    reasons = []
    if slot.release() != desired.release:
        before = os.path.basename(slot.release() or "none")
        reasons.append(f"release {before} -> {os.path.basename(desired.release)}")
    for kind in changed_kinds(slot.contents(), desired.files[live]):
        # The unit names its release: not a reason of its own when the release changes.
        if kind != "service" or slot.release() == desired.release:
            reasons.append(f"{kind} changed")
    if restart:
        reasons.append("a restart was asked for")
    if not live_is_active:
        reasons.append(f"{slot.unit}.service is not running")
    if reasons:
        return Plan(other(live), True, tuple(reasons))
    return Plan(live, False, ())


def live_is_active(application: Application) -> bool:
    """Tell whether the service of the live slot runs."""
    live = application.live_slot()
    return (
        live is not None
        and systemd.show(application.slot(live).units[1])["ActiveState"] == "active"
    )


def diff(application: Application, desired: Desired, target: str) -> list[dict[str, str]]:
    """Return before and after of what nginx's visitors would get, values of the environment hidden.

    Before is the live slot; its files are compared in the version that carries its own name, so
    that only real differences show.
    """
    live = application.live_slot() or target
    slot = application.slot(live)
    current = slot.contents()
    shown = []
    for kind in changed_kinds(current, desired.files[live]):
        before, after = current.get(kind, ""), desired.files[live][kind]
        if kind == "environment":
            before, after = _mark_changed(before, after)
        shown.append(
            {
                "before_header": slot.files[kind],
                "after_header": application.slot(target).files[kind],
                "before": before,
                "after": after,
            }
        )
    return shown


def _mark_changed(before: str, after: str) -> tuple[str, str]:
    """Hide the values of two environments, but show for which names they differ."""
    old, new = parse_environment(before), parse_environment(after)
    differing = [name for name in sorted(new) if old.get(name, new[name]) != new[name]]
    changed = [f"{name}=<changed>\n" for name in differing]
    return hide_values(before), hide_values(after) + "".join(changed)


def verify_units(slot: Slot, files: dict[str, str]) -> None:
    """Have systemd itself read the units before they count.

    Raises:
        Refusal: with what `systemd-analyze verify` says; systemd would ignore such lines silently.
    """
    with tempfile.TemporaryDirectory(prefix="asgi-fleet-") as folder:
        paths = []
        for kind in ("socket", "service"):
            path = os.path.join(folder, os.path.basename(slot.files[kind]))
            write_file(path, files[kind], FILE_MODES[kind])
            paths.append(path)
        result = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", *paths],
            capture_output=True,
            text=True,
            check=False,
        )
    complaints = [line for line in result.stderr.splitlines() if slot.unit in line]
    if result.returncode != 0 and complaints:
        raise Refusal("systemd refuses the unit files:\n  " + "\n  ".join(complaints))


def activate(
    application: Application, desired: Desired, todo: Plan, keep_previous: bool = False
) -> Outcome:
    """Carry out `todo`.

    Args:
        application: The application.
        desired: What shall be live.
        todo: What `plan` said.
        keep_previous: Whether the slot that was live runs on, so that `revert` is a rename;
            `settle` stops it in the end.

    Raises:
        Refusal: the idle slot did not become healthy. It is stopped, its files are kept for a
            look, and what was live still is.
    """
    live = application.live_slot()
    outcome = Outcome(changed=todo.cut_over, slot=todo.slot, previous_slot=live)
    target = application.slot(todo.slot)
    if todo.cut_over:
        with _timed(outcome, "free the idle slot"):
            _put_away(target)
        with _timed(outcome, "configure"):
            verify_units(target, desired.files[todo.slot])
            configure(target, desired)
        began = time.time()
        try:
            if desired.hooks.before:
                with _timed(outcome, "hooks before"):
                    _run_hooks("before_activate", desired.hooks.before, target, desired)
            with _timed(outcome, "start until healthy"):
                start(target, desired)
            with _timed(outcome, "enable"):
                systemd.for_units("enable", target.units, systemd.AT_BOOT)
            # First the word, then the deed: what a killed run has switched can be put back too.
            record(application, "activating", target.slot, desired.release, previous=live)
            with _timed(outcome, "cut over"):
                swap(application, target)
            if desired.hooks.after:
                with _timed(outcome, "hooks after"):
                    _run_hooks("after_activate", desired.hooks.after, target, desired)
        except Refusal:
            _go_back(application, target, live)
            record(application, "refused", target.slot, desired.release)
            raise
        except BaseException:
            _go_back(application, target, live)
            raise
        record(application, "live", target.slot, desired.release, seconds=_since(began))
    outcome.changed |= settle(application, target, stop=not keep_previous)
    return outcome


def revert(
    application: Application, release_id: str, health: Health, secret_names: tuple[str, ...] = ()
) -> Outcome:
    """Make live again what an unfinished rollout of a release has replaced on this host.

    Nothing is built or written: the other slot is as it was when it was live, with its release, its
    settings and its environment. While it still runs this is a rename.

    Args:
        application: The application.
        release_id: The release that is being rolled out. A host that does not run it, or where its
            rollout has ended well, is left as it is.
        health: How the slot shows that it can serve.
        secret_names: Variables whose values are blanked where the journal is shown.

    Raises:
        Refusal: The old slot no longer becomes healthy; what is live stays.
    """
    live = application.live_slot()
    outcome = Outcome(changed=False, slot=live or "", previous_slot=live)
    began = _unfinished(application, release_id, live)
    if began is None or live is None:
        return outcome
    replaced = application.slot(live)
    outcome.changed = True
    if began["previous"] is None:
        with _timed(outcome, "nothing was live before: stop"):
            os.unlink(application.live_link)
            _put_away(replaced)
        record(application, "reverted", live, release_id)
        outcome.slot = ""
        return outcome
    target = application.slot(began["previous"])
    before = Desired(
        release=target.release() or "",
        files={target.slot: target.contents()},
        health=health,
        workers=planned_workers(target),
        secret_names=secret_names,
    )
    state = systemd.show(target.units[1])
    # Not `crash`: it may have crashed once in its life and serve well since.
    if unhealthy(target, health, before.workers, state):
        with _timed(outcome, "start until healthy"):
            _wait_for_stop(target)
            try:
                start(target, before)
            except BaseException:
                _put_away(target)
                raise
    with _timed(outcome, "enable"):
        systemd.for_units("enable", target.units, systemd.AT_BOOT)
    with _timed(outcome, "cut over"):
        swap(application, target)
    record(application, "reverted", live, release_id)
    record(application, "live", target.slot, before.release)
    settle(application, target)
    outcome.slot = target.slot
    return outcome


def finish(application: Application, release_id: str) -> None:
    """Note that a rollout of the release ended well on all hosts; a run without changes is none."""
    ended = finished(application)
    lines = activations(application)
    if ended is None or ended["release"] != release_id or (lines and lines[-1]["at"] > ended["at"]):
        note(application, "finished", release_id)


def _unfinished(
    application: Application, release_id: str, live: str | None
) -> dict[str, Any] | None:
    """Return the line of the activation that a rollout of the release made live, or None.

    None as well once a rollout has ended well since: there is nothing to go back to then.
    """
    last = next(
        (line for line in reversed(activations(application)) if line["event"] == "activating"), None
    )
    if last is None or last["slot"] != live or last["release"] != release_id:
        return None
    ended = finished(application)
    return None if ended is not None and ended["at"] >= last["at"] else last


def _wait_for_stop(slot: Slot) -> None:
    """Wait for a slot that drains: systemd would queue its start behind the stop, unwatched."""
    systemd.for_units("stop", _existing(slot))


def _go_back(application: Application, target: Slot, live: str | None) -> None:
    """Undo an activation: the slot that was live has run all the time, and gets the link back."""
    if live is not None:
        swap(application, application.slot(live))
    elif application.live_slot() is not None:
        os.unlink(application.live_link)
    _put_away(target)


def _run_hooks(
    phase: str, hooks: Sequence[Mapping[str, Any]], target: Slot, desired: Desired
) -> None:
    """Run a phase's commands in the new release.

    Raises:
        Refusal: one of them failed; with the end of its output.
    """
    environment = parse_environment(desired.files[target.slot]["environment"])
    for hook in hooks:
        try:
            run_hook(
                hook["command"],
                desired.release,
                desired.hooks.user,
                {"FLEET_SLOT": target.slot, **environment},
                float(hook["timeout"]),
            )
        except RolloutError as error:
            raise Refusal(_blanked(f"{phase}: {error}", target, desired)) from None


def _put_away(slot: Slot) -> None:
    """Have an idle slot neither run now nor start at boot."""
    systemd.for_units("disable", _existing(slot), systemd.AT_BOOT)
    systemd.for_units("stop", _existing(slot))


def configure(slot: Slot, desired: Desired) -> None:
    """Write the files of an idle slot and point its link at the release."""
    os.makedirs(os.path.dirname(slot.files["settings"]), mode=0o755, exist_ok=True)
    for kind, path in slot.files.items():
        write_file(path, desired.files[slot.slot][kind], FILE_MODES[kind])
    os.makedirs(os.path.dirname(slot.release_link), mode=0o755, exist_ok=True)
    relative = os.path.relpath(desired.release, os.path.dirname(slot.release_link))
    replace_link(relative, slot.release_link)
    systemd.systemctl("daemon-reload")


def start(slot: Slot, desired: Desired) -> None:
    """Start an idle slot and wait until every worker of it has answered 200, and its socket too.

    Raises:
        Refusal: it crashed, or was not healthy within the timeout; with the last journal lines.
    """
    health = desired.health
    began = time.time()
    deadline = time.monotonic() + health.timeout
    systemd.systemctl("reset-failed", *slot.units, check=False)
    systemd.for_units("start", slot.units[:1])
    systemd.for_units("start", slot.units[1:], "--no-block")
    while True:
        state = systemd.show(slot.units[1])
        problem = crash(state)
        if problem is None:
            problem = unhealthy(slot, health, desired.workers, state)
            if problem is None:
                return
            if time.monotonic() < deadline:
                time.sleep(POLL_SECONDS)
                continue
            problem = f"was not healthy within {health.timeout:g} s: {problem}"
        # The application's answer may show a secret as well as its journal.
        raise Refusal(
            f"{slot.unit}.service {_blanked(problem, slot, desired)}\n"
            f"Release {os.path.basename(desired.release)} was stopped and takes no traffic. "
            f"Last lines of its journal:\n{journal(slot, began, desired)}"
        )


def swap(application: Application, target: Slot) -> None:
    """Point `live.sock` at the slot, by rename(2), and have it on disk."""
    folder = os.path.dirname(application.live_link)
    replace_link(target.socket, application.live_link)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def settle(application: Application, live: Slot, stop: bool = True) -> bool:
    """Enable the live units; disable the other slot's and let them drain. Return: any change.

    Args:
        application: The application.
        live: The slot that is live.
        stop: Whether the other slot ends now; a rollout that goes on keeps it for a way back.
    """
    idle = application.slot(other(live.slot))
    changed = False
    missing = [unit for unit in live.units if not systemd.is_enabled(unit)]
    leftover = _existing(idle)
    enabled = [unit for unit in leftover if systemd.is_enabled(unit)]
    for verb, units in (("enable", missing), ("disable", enabled)):
        systemd.for_units(verb, units, systemd.AT_BOOT)
        changed |= bool(units)
    if stop and any(
        systemd.show(unit)["ActiveState"] in ("active", "activating", "reloading")
        for unit in leftover
    ):
        # Not waited for: the worker answers what still comes, and ends by itself.
        systemd.for_units("stop", leftover, "--no-block")
        changed = True
    return changed


def record(application: Application, event: str, slot: str, release: str, **more: object) -> None:
    """Append one line to the application's activations."""
    line = {
        "event": event,
        "release": os.path.basename(release),
        "slot": slot,
        "at": int(time.time()),
        **more,
    }
    append_line(application.activations, json.dumps(line))


def _since(began: float) -> float:
    """Return the seconds since `began` (Unix time)."""
    return round(time.time() - began, 1)


def journal(slot: Slot, since: float, desired: Desired) -> str:
    """Return the slot's last journal lines since `since` (Unix time), secrets blanked."""
    text = _blanked(tail(slot.units[1], since), slot, desired)
    return "".join(f"  {line}\n" for line in text.splitlines())


def _blanked(text: str, slot: Slot, desired: Desired) -> str:
    values = parse_environment(desired.files[slot.slot]["environment"])
    return without_secrets(text, values, desired.secret_names)


@contextmanager
def exclusive(application: Application, patience: float) -> Iterator[None]:
    """Hold the host's activation lock: two activations at once would share the idle slot.

    Args:
        application: The application.
        patience: Seconds to wait for another activation, such as one whose controller was killed.

    Raises:
        Refusal: another activation of this application went on all the time.
    """
    path = os.path.join(os.path.dirname(application.live_link), "activation.lock")
    with ExitStack() as held:
        try:
            held.enter_context(locked(path, patience))
        except TimeoutError:
            raise Refusal(
                f"another activation of {application.name} has been running on this host for more "
                f"than {patience:g} s; wait for it to end and run again"
            ) from None
        # Outside of the try: a timeout of the activation itself is something else.
        yield


def _existing(slot: Slot) -> list[str]:
    """Return the slot's units that have a file; systemctl refuses others."""
    paths = (slot.files[kind] for kind in ("socket", "service"))
    return [os.path.basename(path) for path in paths if os.path.exists(path)]


@contextmanager
def _timed(outcome: Outcome, step: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    outcome.steps.append({"step": step, "seconds": round(time.monotonic() - began, 2)})
