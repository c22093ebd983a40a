"""What a rollout does on one host besides the activation: it begins, reverts, ends."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.asgi.fleet.plugins.module_utils.application import (
    history,
    lock,
    provenance,
    records,
)
from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.backups import record as backup_record
from ansible_collections.asgi.fleet.plugins.module_utils.host.capacity import read_own_capacity
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.receipt import HostReceipt
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.state import Holder
from ansible_collections.asgi.fleet.plugins.module_utils.releases.pruning import prune
from ansible_collections.asgi.fleet.plugins.module_utils.releases.retention import releases
from ansible_collections.asgi.fleet.plugins.module_utils.servers.receipt import read_receipt
from ansible_collections.asgi.fleet.plugins.module_utils.slots import (
    cut_over,
    reversal,
    singletons,
)
from ansible_collections.asgi.fleet.plugins.module_utils.slots.health import Health
from ansible_collections.asgi.fleet.plugins.module_utils.slots.refused import refused
from ansible_collections.asgi.fleet.plugins.module_utils.survey.front import Visit, look_at_front
from ansible_collections.asgi.fleet.plugins.module_utils.survey.slot_memory import slot_memory

#: Seconds that an activation may need beyond its health timeout: a drain of the idle slot.
ACTIVATION_MARGIN = 120
#: Of a receipt, what is only needed to add up the hosts, and not kept on them.
OF_THE_SUM = ("gaps", "shortest_gap", "latency_ms")


@dataclass(frozen=True)
class Account:
    """What a rollout leaves on a host.

    Attributes:
        log: nginx's log, to count what was served; empty for no receipt.
        ignore_paths: Paths whose requests do not count.
        told: What the controller tells of the rollout; without any, nothing is kept.
    """

    log: str = ""
    ignore_paths: Collection[str] = ()
    told: Mapping[str, Any] = field(default_factory=dict)


NOTHING_KEPT = Account()


def begin(
    application: Application,
    wanted: Holder,
    *,
    user: str,
    take_over: bool,
    ended: Collection[str],
    visit: Visit,
    check_mode: bool,
) -> dict[str, Any]:
    """Take the lock, and return what a rollout must know about the host.

    Returns:
        `acquired`, `changed`, `holder`, and, if it was acquired, `releases`, `capacity`,
        `memory`, what the live slot holds, `front`, what a visitor meets, `singletons`, see
        `slots/singletons.py`, and `backups`, what is known of the last ones.

    Raises:
        ForeignError: Something on the host has the application's name, and is not its own.
    """
    provenance.claim(application, user, check_mode=check_mode, parents=["var/lib"])
    take = lock.may_acquire if check_mode else lock.acquire
    attempt = take(application, wanted, take_over, ended)
    known: dict[str, Any] = {}
    if attempt.acquired:
        known = {
            "releases": releases(application),
            "capacity": asdict(read_own_capacity()),
            "memory": slot_memory(application),
            "front": look_at_front(application, visit),
            "singletons": singletons.look(application),
            "backups": backup_record.look(application),
        }
    # In check mode, the current holder of a lock that would be taken.
    holder = lock.holder(application) if attempt.acquired else attempt.holder
    return {"acquired": attempt.acquired, "changed": False, "holder": holder, **known}


def revert(
    application: Application,
    rollout: str,
    release: str,
    health: Health,
    secret_names: tuple[str, ...],
) -> cut_over.CutOver:
    """Revert this host: make the slot live again that the rollout of a release has replaced.

    Raises:
        LockError: Another rollout has the lock.
        Refusal: The old slot no longer becomes healthy.
    """
    lock.require_lock(application, rollout)
    # An activation that lost its connection may still be running: wait for its end.
    with cut_over.exclusive(application, health.timeout + ACTIVATION_MARGIN):
        return reversal.revert(application, release, health, secret_names)


def end(
    application: Application,
    rollout: str,
    release: str,
    *,
    succeeded: bool,
    keep: int | None,
    health_timeout: float,
    visit: Visit,
    account: Account = NOTHING_KEPT,
) -> dict[str, Any]:
    """Let the slot that is no longer live drain, remove old releases, and release the lock.

    If another rollout took the lock over, this does nothing.

    Args:
        application: The application.
        rollout: Id of the rollout.
        release: Id of the release; empty if it is not known.
        succeeded: The rollout succeeded on all hosts.
        keep: Releases to keep besides the protected ones; None removes none.
        health_timeout: Seconds that a running activation may still take.
        visit: What to ask nginx, as a visitor.
        account: What to keep of the rollout.

    Returns:
        `changed`, `removed`, the ids of the releases that were removed, `refused`, what the
        sandbox has refused to the live slot meanwhile, `front`, what a visitor meets, and
        `receipt`, what was served since the rollout began; None if that cannot be known.

    Raises:
        BuildError: A build held the releases; everything else is done.
        OSError: A record cannot be written; the lock is released.
        Refusal: An activation is still running; the lock is still held.
    """
    current = lock.holder(application)
    if current is None or current["rollout"] != rollout:
        return {"changed": False, "removed": [], "refused": [], "front": None, "receipt": None}
    changed = False
    if application.live_slot() is not None:
        with cut_over.exclusive(application, health_timeout + ACTIVATION_MARGIN):
            # Asked again: the activation that this waited for may have switched.
            live = application.live_slot()
            changed = live is not None and cut_over.settle(application, application.slot(live))
    removed: list[str] = []
    with ExitStack() as in_any_case:
        # In reverse: the note, which a full disk does not take, and then the lock, which it gives.
        in_any_case.callback(lock.release, application, rollout)
        in_any_case.callback(history.note, application, "ended", release, rollout=rollout)
        if succeeded and release:
            history.finish(application, release)
        if keep is not None:
            removed = prune(application, keep)
        # Late, so that it has what the old slot answered last. Nothing of it stops the end.
        receipt = _keep_account(application, rollout, current, account)
    return {
        "changed": changed or bool(removed),
        "removed": removed,
        "refused": refused(application),
        "front": look_at_front(application, visit) if application.live_slot() else None,
        "receipt": receipt,
    }


def _keep_account(
    application: Application, rollout: str, holder: Holder, account: Account
) -> HostReceipt | None:
    """Write the record of the rollout, and return what was served; None if that is not known."""
    began, now = float(holder["since"]), round(time.time(), 3)
    receipt: HostReceipt | None = None
    if account.log:
        with suppress(OSError):
            cuts = history.cuts(application, began)
            receipt = read_receipt(Path(account.log), began, now, cuts, account.ignore_paths)
    if account.told:
        kept = None
        if receipt is not None:
            kept = {key: value for key, value in receipt.items() if key not in OF_THE_SUM}
            kept |= {"slowest_ms": max(map(int, receipt["latency_ms"]), default=None)}
        record = {
            "schema": 1,
            "id": rollout,
            "who": holder["who"],
            "began_at": began,
            "ended_at": now,
            **account.told,
            "receipt": kept,
        }
        # A full disk must not keep the lock.
        with suppress(OSError):
            records.write_record(application, rollout, record)
    return receipt
