"""Bring a release live in one of the two slots of a host, or leave everything unchanged.

The order is that of docs/decisions.md: the idle slot is written, enabled and started, must prove
that each of its workers serves, and only then `live.sock` is renamed to it; the old slot drains in
the background. Before the rename the live slot is never touched; after it, running the same again
only cleans up.
"""

# No AnsibleModule here, whose run_command ansible-test asks for.
# pylint: disable=ansible-bad-function

from __future__ import annotations

import contextlib
import os
import pwd
import re
import subprocess
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.asgi.fleet.plugins.module_utils.application.history import (
    activations,
    record,
)
from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import (
    FILE_MODES,
    SLOTS,
    Application,
    Slot,
    changed_kinds,
    other,
)
from ansible_collections.asgi.fleet.plugins.module_utils.application.places import (
    PlaceError,
    open_places,
)
from ansible_collections.asgi.fleet.plugins.module_utils.application.processes import (
    contents,
    name_of,
    unit_path,
    wanted,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host import systemd
from ansible_collections.asgi.fleet.plugins.module_utils.host.controller import require_controller
from ansible_collections.asgi.fleet.plugins.module_utils.host.devices import hidden_devices
from ansible_collections.asgi.fleet.plugins.module_utils.host.files import write_file
from ansible_collections.asgi.fleet.plugins.module_utils.host.systemd import Refusal
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.environment import (
    hide_values,
    parse_environment,
)
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.state import Reason
from ansible_collections.asgi.fleet.plugins.module_utils.slots import processes, statics
from ansible_collections.asgi.fleet.plugins.module_utils.slots.cut_over import (
    CutOver,
    Desired,
    blanked,
    put_away,
    settle,
    start,
    swap,
    timed,
)
from ansible_collections.asgi.fleet.plugins.module_utils.slots.health import doubts
from ansible_collections.asgi.fleet.plugins.module_utils.slots.hooks import (
    HookError,
    Surroundings,
    run_hook,
)
from ansible_collections.asgi.fleet.plugins.module_utils.slots.process_start import start_processes
from ansible_collections.asgi.fleet.plugins.module_utils.slots.slot_files import configure
from ansible_collections.asgi.fleet.plugins.module_utils.timers.following import (
    check as check_timers,
)
from ansible_collections.asgi.fleet.plugins.module_utils.timers.following import (
    follow,
)
from ansible_collections.asgi.fleet.plugins.module_utils.timers.following import (
    put_away_all as put_away_timers,
)


@dataclass(frozen=True)
class CutOverPlan:
    """What to do, and why.

    `cut_over` starts `slot` and swaps; without it `slot` is already live, and only the units that
    an interrupted run left enabled or running are corrected.
    """

    slot: str
    cut_over: bool
    reasons: tuple[Reason, ...]


def plan(
    application: Application, desired: Desired, live_is_active: bool, restart: bool = False
) -> CutOverPlan:
    """Decide whether a cut-over is needed, from what is on disk; changes nothing.

    Args:
        application: The application.
        desired: What must be live.
        live_is_active: Whether the live slot's service runs.
        restart: Whether to cut over in any case.
    """
    live = application.live_slot()
    if live is None:
        return CutOverPlan(other(None), True, (_because("first", "no slot is live yet"),))
    slot = application.slot(live)
    reasons = []
    if slot.release() != desired.release:
        before = os.path.basename(slot.release() or "none")
        text = f"release {before} -> {os.path.basename(desired.release)}"
        reasons.append(_because("release", text))
    changed = changed_kinds(slot.contents(), desired.files[live])
    for kind in changed:
        # The units name their release: not a reason of its own when the release changes.
        if kind not in ("service", "timers") or slot.release() == desired.release:
            reasons.append(_because(kind, f"{kind} changed"))
    if slot.planned_workers() != desired.workers and "settings" not in changed:
        # A template may hide the number, and a slot of an older version has none.
        text = f"workers {slot.planned_workers()} -> {desired.workers}"
        reasons.append(_because("settings", text))
    if differing := processes.differences(
        slot,
        desired.processes,
        desired.process_files.get(live, {}),
        same_release=slot.release() == desired.release,
    ):
        reasons.append(_because("processes", f"processes: {differing}"))
    if restart:
        reasons.append(_because("restart", "a restart was asked for"))
    if not live_is_active:
        reasons.append(_because("stopped", f"{slot.unit}.service is not running"))
    if reasons:
        return CutOverPlan(other(live), True, tuple(reasons))
    return CutOverPlan(live, False, ())


def _because(kind: str, text: str) -> Reason:
    return {"kind": kind, "text": text}


def live_is_active(application: Application) -> bool:
    """Return whether the service of the live slot runs."""
    live = application.live_slot()
    return (
        live is not None
        and systemd.show(application.slot(live).units[1])["ActiveState"] == "active"
    )


def diff(application: Application, desired: Desired, target: str) -> list[dict[str, str]]:
    """Return the diff between the live slot and the desired one, with hidden environment values.

    The files of the live slot are compared with the new files for the slot of the same name, so
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
    return shown + _process_diff(slot, desired)


def _process_diff(slot: Slot, desired: Desired) -> list[dict[str, str]]:
    """Return the diff of the units of processes, once for each process."""
    current, needed = contents(slot), _process_texts(slot, desired)
    changed = {
        name_of(slot, unit): unit
        for unit in sorted({*current, *needed}, reverse=True)
        if current.get(unit, "") != needed.get(unit, "")
    }
    return [
        {
            "before_header": unit_path(slot, unit),
            "after_header": unit_path(slot, unit),
            "before": current.get(unit, ""),
            "after": needed.get(unit, ""),
        }
        for unit in sorted(changed.values())
    ]


def _process_texts(slot: Slot, desired: Desired) -> Mapping[str, str]:
    return processes.texts(slot, desired.processes, desired.process_files.get(slot.slot, {}))


def environment_changes(application: Application, desired: Desired) -> dict[str, list[str]]:
    """Return which variables of the environment differ from the live slot's: names, no values.

    Returns:
        `added`, `changed` and `removed`; without a live slot, all are added.
    """
    live = application.live_slot()
    current = application.slot(live).contents()["environment"] if live else ""
    old = parse_environment(current)
    new = parse_environment(desired.files[live or other(None)]["environment"])
    return {
        "added": sorted(new.keys() - old.keys()),
        "changed": sorted(name for name in new.keys() & old.keys() if new[name] != old[name]),
        "removed": sorted(old.keys() - new.keys()),
    }


def _mark_changed(before: str, after: str) -> tuple[str, str]:
    """Hide the values of two environments, but show for which names they differ."""
    old, new = parse_environment(before), parse_environment(after)
    differing = [name for name in sorted(new) if old.get(name, new[name]) != new[name]]
    changed = [f"{name}=<changed>\n" for name in differing]
    return hide_values(before), hide_values(after) + "".join(changed)


def activate(
    application: Application, desired: Desired, todo: CutOverPlan, keep_previous: bool = False
) -> CutOver:
    """Carry out `todo`.

    Args:
        application: The application.
        desired: What shall be live.
        todo: What `plan` said.
        keep_previous: Whether the slot that was live keeps running, so that `revert` is a rename;
            `settle` stops it in the end.

    Raises:
        Refusal: The idle slot did not become healthy. It is stopped, its files are kept for
            inspection, and the live slot is unchanged.
        ControllerGone: The controller left before the swap; the idle slot is stopped.
    """
    live = application.live_slot()
    outcome = CutOver(changed=todo.cut_over, slot=todo.slot, previous_slot=live)
    target = application.slot(todo.slot)
    if todo.cut_over:
        with timed(outcome, "free the idle slot"):
            ended = put_away(target)
        if ended:
            text = f"killed what the slot's last release had left behind: {len(ended)} processes"
            outcome.steps.append({"step": text, "seconds": 0})
        with timed(outcome, "check the units"):
            options = desired.hooks.sandbox.options
            verify_units(target, desired.files[todo.slot], _process_texts(target, desired), options)
            running = application.slot(live) if live else None
            check_timers(application, desired.files[todo.slot].get("timers", ""), running)
        began = time.time()
        try:
            with timed(outcome, "configure"):
                let_read(desired.release, desired.hooks.user)
                outcome.notes += _open(desired)
                outcome.notes += _publish(application, desired)
                configure(target, desired)
                processes.take_singletons(application, desired.singletons)
            if desired.hooks.before:
                with timed(outcome, "hooks before"):
                    _run_hooks("before_activate", desired.hooks.before, target, desired)
            _start(target, desired, application.slot(live) if live else None, outcome)
            outcome.notes += [
                f"{desired.health.prefix}preload is true, and the import leaves {doubt}"
                for doubt in doubts(target)
            ]
            require_controller()
            # Recorded before the swap: what a killed run has switched can be reverted too.
            record(application, "activating", target.slot, desired.release, previous=live)
            with timed(outcome, "cut over"):
                # `settle` reloads, once for this and for what it disables.
                systemd.for_units("enable", wanted(target), systemd.WITHOUT_RELOAD)
                moment = swap(application, target)
            follow(target)
            if desired.hooks.after:
                with timed(outcome, "hooks after"):
                    _run_hooks("after_activate", desired.hooks.after, target, desired)
            record(
                application,
                "live",
                target.slot,
                desired.release,
                seconds=_since(began),
                moment=moment,
            )
        except Refusal:
            _go_back(application, target, live)
            # On a full disk the reason must reach the operator, not that it cannot be noted.
            with contextlib.suppress(OSError):
                record(application, "refused", target.slot, desired.release)
            raise
        except BaseException:
            _go_back(application, target, live)
            raise
    elif not statics.is_published(application, desired.release, desired.static):
        with timed(outcome, "publish static files"):
            outcome.notes += _publish(application, desired)
            statics.point(application, desired.release)
        outcome.changed = True
    outcome.changed |= processes.take_singletons(application, desired.singletons)
    unreloaded = todo.cut_over and bool(desired.processes)
    outcome.changed |= settle(application, target, not keep_previous, unreloaded)
    slots = (application.slot(slot).release() for slot in SLOTS)
    statics.prune(application, {os.path.basename(release) for release in slots if release})
    return outcome


def _start(target: Slot, desired: Desired, live: Slot | None, outcome: CutOver) -> None:
    """Start the web workers of an idle slot, and then its processes, until both are proven.

    Raises:
        Refusal: They are not.
        ControllerGone: The controller left meanwhile.
    """
    began = time.monotonic()
    with timed(outcome, "start until healthy"):
        start(target, desired)
    if desired.processes:
        seconds = time.monotonic() - began
        with timed(outcome, "start processes"):
            start_processes(target, desired, live, seconds)


def verify_units(
    slot: Slot,
    files: dict[str, str],
    others: Mapping[str, str] | None = None,
    options: Collection[str] = (),
) -> None:
    """Have systemd check the units before they are used.

    Args:
        slot: The slot.
        files: Its files.
        others: The texts of its further units by their names.
        options: Names of the user's own settings. systemd starts a unit without those that it does
            not understand, and the check gives 0.

    Raises:
        Refusal: With the output of `systemd-analyze verify`; systemd would ignore bad lines.
    """
    with tempfile.TemporaryDirectory(prefix="asgi-fleet-") as folder:
        paths = []
        for kind in ("socket", "service"):
            path = os.path.join(folder, os.path.basename(slot.files[kind]))
            write_file(path, files[kind], FILE_MODES[kind])
            paths.append(path)
        for unit, text in (others or {}).items():
            paths.append(os.path.join(folder, unit))
            write_file(paths[-1], text, 0o644)
        result = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", *paths],
            capture_output=True,
            text=True,
            check=False,
        )
    complaints = [line for line in result.stderr.splitlines() if slot.unit in line]
    if result.returncode != 0 and complaints:
        raise Refusal("systemd refuses the unit files:\n  " + "\n  ".join(complaints))
    if told := list(_ignored(complaints, slot.units[1], files["service"], options)):
        raise Refusal(
            f"gunicorn_service_service_options has what systemd would ignore: {'; '.join(told)}; "
            "expected settings of [Service] that this host knows; correct it, or remove it"
        )


def _ignored(
    complaints: Sequence[str], unit: str, text: str, options: Collection[str]
) -> Iterator[str]:
    """Yield the user's own lines of a unit that systemd would ignore, each with its reason."""
    lines = text.splitlines()
    for complaint in complaints:
        # `<file>:<line>: ..., ignoring.`
        found = re.match(rf"\S*/{re.escape(unit)}:(\d+): (.*ignoring.*)", complaint)
        line = lines[int(found[1]) - 1] if found and int(found[1]) <= len(lines) else ""
        if found and line.partition("=")[0].strip() in options:
            yield f"{line} ({found[2]})"


def let_read(release: str, user: str) -> None:
    """Let the service read its release, which was built for the account of its import."""
    if user and os.path.isdir(release):
        group = pwd.getpwnam(user).pw_gid
        if os.stat(release).st_gid != group:
            os.chown(release, -1, group)


def _open(desired: Desired) -> list[str]:
    """Make the places that the application may write, and return what to know of the host.

    Raises:
        Refusal: one of them cannot be made.
    """
    sandbox, user = desired.hooks.sandbox, desired.hooks.user
    try:
        notes = open_places(desired.release, user, sandbox) if user else []
    except PlaceError as error:
        raise Refusal(str(error)) from None
    return notes + hidden_devices(sandbox.devices)


def _publish(application: Application, desired: Desired) -> list[str]:
    name = os.path.basename(desired.release)
    was_live = any(
        done.event == "live" and done.release == name for done in activations(application)
    )
    return statics.publish(application, desired.release, desired.static, was_live=was_live)


def _run_hooks(
    phase: str, hooks: Sequence[Mapping[str, Any]], target: Slot, desired: Desired
) -> None:
    """Run a phase's commands in the new release.

    Raises:
        Refusal: one of them failed; with the end of its output.
    """
    environment = parse_environment(desired.files[target.slot]["environment"])
    surroundings = Surroundings(
        desired.release,
        desired.hooks.user,
        environment,
        desired.secret_names,
        desired.hooks.sandbox,
        desired.hooks.memory_max,
        "activation",
        target.slot,
    )
    for hook in hooks:
        try:
            run_hook(hook["command"], float(hook["timeout"]), surroundings)
        except HookError as error:
            raise Refusal(blanked(f"{phase}: {error}", target, desired)) from None


def _go_back(application: Application, target: Slot, live: str | None) -> None:
    """Undo an activation: the slot that was live still runs, and the link points to it again."""
    if live is not None:
        # Only if it must be: a link needs an inode, which the disk may not have.
        if application.live_slot() != live:
            swap(application, application.slot(live))
            # Or the next run has them follow.
            with contextlib.suppress(OSError, Refusal):
                follow(application.slot(live))
        else:
            with contextlib.suppress(OSError):
                statics.point(application, application.slot(live).release())
    elif application.live_slot() is not None:
        os.unlink(application.live_link)
        put_away_timers(application)
    put_away(target)
    if live is not None:
        # What had to end before its successor could start.
        processes.settle(application.slot(live), target)


def _since(began: float) -> float:
    """Return the seconds since `began` (Unix time)."""
    return round(time.time() - began, 1)
