"""What happens once for a rollout: its lock on the hosts, its hooks, and its end.

All leave their mark on the hosts, not on the controller, since the next run may come from another
controller; and on every host, since the next run may be without the one where it happened.
"""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from typing import Any

from ansible_collections.asgi.fleet.plugins.module_utils.files import append_line
from ansible_collections.asgi.fleet.plugins.module_utils.slots import Application, read

#: Where systemd keeps the state directories of services.
STATE_PARENT = "/var/lib"
#: How many ended rollouts a host tells of.
REMEMBERED_ENDS = 20
#: Lines of a hook's output that a failure shows.
SHOWN_LINES = 40


class RolloutError(Exception):
    """The rollout cannot go on; the message says why and what to do."""


@dataclass(frozen=True)
class Holder:
    """Who holds a lock: the rollout's id, who runs it, and since when (Unix time)."""

    rollout: str
    who: str
    since: int


def lock_path(application: Application) -> str:
    """Return the path of the application's lock on this host."""
    return application.path("var/lib", application.name, "rollout.lock")


def holder(application: Application) -> Holder | None:
    """Return who holds the lock, or None."""
    text = read(lock_path(application))
    return Holder(**json.loads(text)) if text else None


def acquire(application: Application, wanted: Holder, take_over: bool) -> bool:
    """Take the lock for a rollout; taking it again for the same one is fine.

    Returns:
        Whether anything changed.

    Raises:
        RolloutError: another rollout holds it, and `take_over` was not asked for.
    """
    path = lock_path(application)
    folder = os.path.dirname(path)
    os.makedirs(folder, mode=0o755, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(prefix="rollout.lock.", dir=folder)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(asdict(wanted), file)
            file.flush()
            os.fsync(descriptor)
        while not _linked(temporary, path):
            current = holder(application)
            if current is None:
                # Given back just now: whoever links first has it.
                continue
            if current.rollout == wanted.rollout:
                return False
            refuse_other(application, wanted, take_over)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
        return True
    finally:
        os.unlink(temporary)


def _linked(source: str, path: str) -> bool:
    """Give a complete file its name with link(2), which two rollouts cannot both do."""
    try:
        os.link(source, path)
    except FileExistsError:
        return False
    return True


def refuse_other(application: Application, wanted: Holder, take_over: bool) -> None:
    """Refuse if another rollout holds the lock.

    Raises:
        RolloutError: it does, and `take_over` was not asked for.
    """
    current = holder(application)
    if current is None or current.rollout == wanted.rollout or take_over:
        return
    since = datetime.fromtimestamp(current.since, timezone.utc).strftime("%Y-%m-%d %H:%M:%S")
    raise RolloutError(
        f"{application.name} is locked by {current.who} since {since} UTC (rollout "
        f"{current.rollout}); wait for that run to end, or, if it is certain that it no longer "
        "runs, take the lock over: -e fleet_take_over_lock=true"
    )


def require_lock(application: Application, rollout: str) -> None:
    """Refuse to go on without the lock: two rollouts at work on one host would undo each other.

    Raises:
        RolloutError: nobody holds it, or another who took it over.
    """
    current = holder(application)
    if current is not None and current.rollout == rollout:
        return
    now = f"{current.who} (rollout {current.rollout})" if current else "nobody"
    raise RolloutError(
        f"the lock of {application.name} was taken from this rollout ({rollout}) and is held by "
        f"{now}; let that run end, and see with playbooks/status.yml what came of it"
    )


def release(application: Application, rollout: str) -> bool:
    """Give the lock back if this rollout holds it. Return: whether it did."""
    current = holder(application)
    if current is None or current.rollout != rollout:
        return False
    os.unlink(lock_path(application))
    return True


def history_path(application: Application) -> str:
    """Return the path of what rollouts did once and how they ended: one JSON line each."""
    return application.path("var/lib", application.name, "rollouts.jsonl")


def history(application: Application) -> list[dict[str, Any]]:
    """Return the lines that rollouts left on this host, oldest first."""
    lines = []
    for line in read(history_path(application)).splitlines():
        # A disk that ran full leaves a torn line.
        with contextlib.suppress(ValueError):
            lines.append(json.loads(line))
    return lines


def note(application: Application, event: str, release_id: str, **more: str) -> None:
    """Append a line to the history, and have it on disk."""
    path = history_path(application)
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    line = {"event": event, "release": release_id, **more, "at": int(time.time())}
    append_line(path, json.dumps(line))


def finished(application: Application) -> dict[str, Any] | None:
    """Return the last rollout that ended well on all hosts, as `release` and `at` (Unix time)."""
    ended = [line for line in history(application) if line["event"] == "finished"]
    return {"release": ended[-1]["release"], "at": ended[-1]["at"]} if ended else None


def ended(application: Application) -> list[str]:
    """Return the ids of the last rollouts that gave their lock back here, the latest last.

    A host that had no power then still holds the lock of one of them: whoever comes next may take
    it, since it is known from here that nobody works there any more.
    """
    ids = [line["rollout"] for line in history(application) if line["event"] == "ended"]
    return ids[-REMEMBERED_ENDS:]


def hooks_done(application: Application) -> list[str]:
    """Return the hooks that need not run again, each as `<phase> <release>`.

    A hook that ran counts through every resumption of its rollout, until a rollout of another
    release has ended well: going to the release again is then another rollout.
    """
    done: list[tuple[str, str]] = []
    for line in history(application):
        if line["event"] == "finished":
            done = [hook for hook in done if hook[1] == line["release"]]
        elif line["event"] == "hook":
            done.append((line["phase"], line["release"]))
    return [f"{phase} {release_id}" for phase, release_id in done]


def run_hook(
    command: str, release_path: str, user: str, environment: Mapping[str, str], timeout: float
) -> dict[str, Any]:
    """Run one command as the application would run: its user, release, environment and folder.

    Args:
        command: for /bin/sh; the release's own programs come first in its PATH.
        release_path: folder of the release.
        user: name of the account.
        environment: the application's own, over what is set here.
        timeout: seconds after which it is killed, with all that it started.

    Returns:
        `seconds` and `output` (both streams, in order).

    Raises:
        RolloutError: it failed or took too long; with the end of its output.
    """
    account = pwd.getpwnam(user)
    venv = os.path.join(release_path, ".venv")
    application = os.path.basename(os.path.dirname(os.path.dirname(release_path)))
    home = os.path.join(STATE_PARENT, application, "state")
    os.makedirs(home, mode=0o755, exist_ok=True)
    os.chown(home, account.pw_uid, account.pw_gid)
    began = time.monotonic()
    process = subprocess.Popen(
        ["/bin/sh", "-c", command],
        cwd=os.path.join(release_path, "src"),
        env={
            "PATH": f"{venv}/bin:/usr/local/bin:/usr/bin:/bin",
            "HOME": home,
            "LANG": "C.UTF-8",
            "VIRTUAL_ENV": venv,
            "FLEET_APP": application,
            "FLEET_RELEASE": os.path.basename(release_path),
            **environment,
        },
        user=account.pw_uid,
        group=account.pw_gid,
        extra_groups=[],
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    try:
        output, _ = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        output, _ = process.communicate()
        raise RolloutError(
            f"the hook {command!r} did not end within {timeout:g} s and was killed; raise its "
            f"timeout or make it shorter. The end of its output:\n{_tail(output.splitlines())}"
        ) from None
    if process.returncode != 0:
        raise RolloutError(
            f"the hook {command!r} failed with exit status {process.returncode}. The end of its "
            f"output:\n{_tail(output.splitlines())}"
        )
    return {"seconds": round(time.monotonic() - began, 2), "output": output}


def _tail(lines: Sequence[str]) -> str:
    return "".join(f"  {line}\n" for line in lines[-SHOWN_LINES:])
