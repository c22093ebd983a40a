"""The history of an application on this host, in two files of JSON lines.

`activations.jsonl` has a line for each change of the live slot, `rollouts.jsonl` one for each thing
that a rollout did once. Both are on every host, because the next run may come from another
controller, and may not include the host where something happened.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass
from typing import Any, Literal

from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.host.files import (
    append_line,
    read_json_lines,
)
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.state import (
    FinishedRollout,
    HookRun,
)

#: How many ended rollouts a host reports.
REMEMBERED_ENDS = 20

ActivationEvent = Literal["activating", "live", "refused", "reverted", "recycled"]
RolloutEvent = Literal["hook", "finished", "ended"]


@dataclass(frozen=True)
class Activation:
    """One line of `activations.jsonl`.

    Attributes:
        event: `activating` comes before the link is renamed, `live` after the release is healthy;
            `refused` and `reverted` say that the release never became live, or no longer is.
            `recycled`: the same release is live in the other slot, which no rollout has done.
        release: Id of the release.
        slot: The slot it was started in.
        at: When, in Unix time.
        previous: With `activating`, the slot that was live before; None for none.
        seconds: With `live`, how long it took.
        moment: When the link was renamed, in Unix time with its fraction; with `activating`, just
            before that. None in what older versions wrote.
    """

    event: ActivationEvent
    release: str
    slot: str
    at: int
    previous: str | None = None
    seconds: float | None = None
    moment: float | None = None


@dataclass(frozen=True)
class RolloutNote:
    """One line of `rollouts.jsonl`.

    Attributes:
        event: `hook` (a phase ran), `finished` (a rollout succeeded on all hosts) or `ended` (a
            rollout released the lock here).
        release: Id of the release.
        at: When, in Unix time.
        phase: With `hook`, the phase.
        rollout: With `ended`, the rollout's id.
    """

    event: RolloutEvent
    release: str
    at: int
    phase: str = ""
    rollout: str = ""


def activations(application: Application) -> list[Activation]:
    """Return the application's activations, oldest first."""
    return [_activation(line) for line in read_json_lines(application.activations)]


def _activation(line: dict[str, Any]) -> Activation:
    known: dict[str, Any] = {name: line.get(name) for name in Activation.__dataclass_fields__}
    return Activation(**known)


def record(
    application: Application,
    event: ActivationEvent,
    slot: str,
    release: str,
    previous: str | None = None,
    seconds: float | None = None,
    moment: float | None = None,
) -> None:
    """Append an activation.

    Args:
        application: The application.
        event: See `Activation`.
        slot: The slot.
        release: Folder or id of the release.
        previous: See `Activation`.
        seconds: See `Activation`.
        moment: See `Activation`; now, if it is not given.
    """
    os.makedirs(os.path.dirname(application.activations), mode=0o755, exist_ok=True)
    now = time.time()
    done = Activation(
        event, os.path.basename(release), slot, int(now), previous, seconds, moment or now
    )
    append_line(application.activations, json.dumps(asdict(done)))


def cuts(application: Application, since: float) -> list[tuple[float, str]]:
    """Return which release was live from when on: the last before a moment, and all after it.

    Args:
        application: The application.
        since: Unix time.
    """
    found: list[tuple[float, str]] = []
    last: Activation | None = None
    # A recycle changes the slot, and not the release.
    for done in (one for one in activations(application) if one.event != "recycled"):
        moment = float(done.at if done.moment is None else done.moment)
        if done.event == "activating":
            found.append((moment, done.release))
        elif done.event == "live":
            # The exact moment of what the line before has announced.
            if last is not None and last.event in ("activating", "reverted"):
                found.pop()
            found.append((moment, done.release))
        elif done.event == "reverted":
            found.append((moment, ""))
        elif last is not None and last.event == "activating":
            # Refused after the rename, which was undone.
            found.append((moment, found[-2][1] if len(found) > 1 else ""))
        last = done
    first = max((n for n, (moment, _release) in enumerate(found) if moment <= since), default=0)
    return found[first:]


def rollouts(application: Application) -> list[RolloutNote]:
    """Return what rollouts recorded on this host, oldest first."""
    return [
        RolloutNote(**{name: line.get(name, "") for name in RolloutNote.__dataclass_fields__})
        for line in read_json_lines(application.rollouts)
    ]


def note(
    application: Application,
    event: RolloutEvent,
    release_id: str,
    phase: str = "",
    rollout: str = "",
) -> None:
    """Append what a rollout did; see `RolloutNote`."""
    os.makedirs(os.path.dirname(application.rollouts), mode=0o755, exist_ok=True)
    done = RolloutNote(event, release_id, int(time.time()), phase, rollout)
    append_line(application.rollouts, json.dumps(asdict(done)))


def finished(application: Application) -> FinishedRollout | None:
    """Return the last rollout that succeeded on all hosts, or None."""
    successes = [done for done in rollouts(application) if done.event == "finished"]
    return {"release": successes[-1].release, "at": successes[-1].at} if successes else None


def finish(application: Application, release_id: str) -> None:
    """Record that a rollout of the release succeeded; a run without changes is not recorded."""
    last = finished(application)
    done = activations(application)
    if last is None or last["release"] != release_id or (done and done[-1].at > last["at"]):
        note(application, "finished", release_id)


def ended(application: Application) -> list[str]:
    """Return the ids of the last rollouts that released their lock here, the latest last.

    A host that was down at that time still has the lock of one of them. The next rollout may take
    it, because this host knows that the rollout has ended.
    """
    ids = [done.rollout for done in rollouts(application) if done.event == "ended"]
    return ids[-REMEMBERED_ENDS:]


@dataclass(frozen=True)
class CommandRun:
    """A command that an operator ran, of the two lines in `commands.jsonl`.

    Attributes:
        id: Of the run; the same on all its hosts.
        who: Who ran it.
        command: The command, without secrets.
        release: Id of the release that it ran in.
        began: When, in Unix time.
        noted: How it ended, in systemd's words; empty if it runs, or the host was cut off.
    """

    id: str
    who: str
    command: str
    release: str
    began: float
    noted: dict[str, Any]


def note_command(
    application: Application, identifier: str, who: str, command: str, release: str
) -> None:
    """Record that a command begins; what keeps it writes the line of its end."""
    os.makedirs(os.path.dirname(application.commands), mode=0o755, exist_ok=True)
    line = {
        "event": "begin",
        "id": identifier,
        "at": round(time.time(), 3),
        "who": who,
        "command": command,
        "release": os.path.basename(release),
    }
    append_line(application.commands, json.dumps(line))


def commands(application: Application) -> list[CommandRun]:
    """Return the commands that were run on this host, oldest first."""
    lines = read_json_lines(application.commands)
    ends = {line.get("id"): line for line in lines if line.get("event") == "end"}
    return [
        CommandRun(
            str(line.get("id", "")),
            str(line.get("who", "")),
            str(line.get("command", "")),
            str(line.get("release", "")),
            float(line.get("at") or 0),
            ends.get(line.get("id"), {}),
        )
        for line in lines
        if line.get("event") == "begin"
    ]


def hooks_done(application: Application) -> list[HookRun]:
    """Return the hooks that need not run again.

    A hook that ran counts whenever its rollout is resumed, until a rollout of another release has
    succeeded: releasing the same release again is then a new rollout. After a rollback, those of
    the release that is live again count: a migration tool may refuse what a newer one has made.
    """
    done: list[HookRun] = []
    ran: list[HookRun] = []
    for line in rollouts(application):
        if line.event == "finished":
            done = [hook for hook in ran if hook["release"] == line.release]
        elif line.event == "hook":
            hook: HookRun = {"phase": line.phase, "release": line.release}
            done.append(hook)
            ran.append(hook)
    return done
