"""The lock that a rollout holds on each host of an application, and who has it."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Collection
from dataclasses import dataclass

from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.host.files import read_text
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.state import Holder


class LockError(Exception):
    """A rollout no longer holds the lock that it needs; the message says who does."""


@dataclass(frozen=True)
class Attempt:
    """The result of asking for the lock.

    Attributes:
        acquired: Whether the rollout that asked for it holds it now.
        changed: Whether it did not hold it before.
        holder: Who holds it now.
    """

    acquired: bool
    changed: bool
    holder: Holder


def lock_path(application: Application) -> str:
    """Return the path of the application's lock on this host."""
    return application.path("var/lib", application.name, "rollout.lock")


def holder(application: Application) -> Holder | None:
    """Return who holds the lock, or None."""
    text = read_text(lock_path(application))
    if not text:
        return None
    found: Holder = json.loads(text)
    return found


def may_acquire(
    application: Application, wanted: Holder, take_over: bool, ended: Collection[str] = ()
) -> Attempt:
    """Return what `acquire` would do; changes nothing."""
    current = holder(application)
    if current is None or _yields(current, take_over, ended):
        return Attempt(acquired=True, changed=True, holder=wanted)
    return Attempt(current["rollout"] == wanted["rollout"], changed=False, holder=current)


def acquire(
    application: Application, wanted: Holder, take_over: bool, ended: Collection[str] = ()
) -> Attempt:
    """Take the lock for a rollout; the same rollout may take it again.

    Args:
        application: The application.
        wanted: The rollout that asks for it.
        take_over: Take it from any other rollout.
        ended: Ids of rollouts that are known to have ended: their locks are free.
    """
    path = lock_path(application)
    folder = os.path.dirname(path)
    os.makedirs(folder, mode=0o755, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(prefix="rollout.lock.", dir=folder)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(wanted, file)
            file.flush()
            os.fsync(descriptor)
        while not _linked(temporary, path):
            current = holder(application)
            if current is None:
                # Released just now: the first to link gets it.
                continue
            if current["rollout"] == wanted["rollout"]:
                return Attempt(acquired=True, changed=False, holder=current)
            if not _yields(current, take_over, ended):
                return Attempt(acquired=False, changed=False, holder=current)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
        return Attempt(acquired=True, changed=True, holder=wanted)
    finally:
        os.unlink(temporary)


def _yields(current: Holder, take_over: bool, ended: Collection[str]) -> bool:
    return take_over or current["rollout"] in ended


def _linked(source: str, path: str) -> bool:
    """Give a complete file its name with link(2), which two rollouts cannot both do."""
    try:
        os.link(source, path)
    except FileExistsError:
        return False
    return True


def require_lock(application: Application, rollout: str) -> None:
    """Refuse to continue without the lock: two rollouts on one host would undo each other.

    Raises:
        LockError: Nobody holds it, or another rollout took it over.
    """
    current = holder(application)
    if current is not None and current["rollout"] == rollout:
        return
    now = f"{current['who']} (rollout {current['rollout']})" if current else "nobody"
    raise LockError(
        f"the lock of {application.name} was taken from this rollout ({rollout}) and is held by "
        f"{now}; let that run end, and see with playbooks/status.yml what came of it"
    )


def release(application: Application, rollout: str) -> bool:
    """Release the lock if this rollout holds it, and return whether it did."""
    current = holder(application)
    if current is None or current["rollout"] != rollout:
        return False
    os.unlink(lock_path(application))
    return True
