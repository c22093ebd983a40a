"""Revert a host: the slot that was live before a rollout becomes live again."""

from __future__ import annotations

import os

from ansible_collections.asgi.fleet.plugins.module_utils.application.history import (
    Activation,
    activations,
    finished,
    record,
)
from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import (
    Application,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host import systemd
from ansible_collections.asgi.fleet.plugins.module_utils.slots.cut_over import (
    CutOver,
    Desired,
    end,
    put_away,
    settle,
    start,
    swap,
    timed,
)
from ansible_collections.asgi.fleet.plugins.module_utils.slots.health import Health, unhealthy
from ansible_collections.asgi.fleet.plugins.module_utils.timers.following import (
    put_away_all as put_away_timers,
)


def revert(
    application: Application, release_id: str, health: Health, secret_names: tuple[str, ...] = ()
) -> CutOver:
    """Make the slot live again that an unfinished rollout of a release has replaced on this host.

    Nothing is built or written: the other slot still has its release, its settings and its
    environment. While it still runs, this is a rename.

    Args:
        application: The application.
        release_id: The release that is being rolled out. A host that does not run it, or where its
            rollout has succeeded, is left unchanged.
        health: How the slot proves that it can serve.
        secret_names: Variables whose values are hidden when the journal is shown.

    Raises:
        Refusal: The old slot did not become healthy again; the live slot stays live.
    """
    live = application.live_slot()
    outcome = CutOver(changed=False, slot=live or "", previous_slot=live)
    began = unfinished(application, release_id, live)
    if began is None or live is None:
        return outcome
    replaced = application.slot(live)
    outcome.changed = True
    if began.previous is None:
        with timed(outcome, "nothing was live before: stop"):
            os.unlink(application.live_link)
            put_away(replaced)
            put_away_timers(application)
        record(application, "reverted", live, release_id)
        outcome.slot = ""
        return outcome
    target = application.slot(began.previous)
    before = Desired(
        release=target.release() or "",
        files={target.slot: target.contents()},
        health=health,
        workers=target.planned_workers(),
        secret_names=secret_names,
    )
    state = systemd.show(target.units[1])
    # Not `crash`: it may have crashed once and have served well since.
    if unhealthy(target, health, before.workers, state):
        with timed(outcome, "start until healthy"):
            # Or systemd would queue its start behind the stop of a slot that drains, unsupervised.
            end(target)
            try:
                start(target, before)
            except BaseException:
                put_away(target)
                raise
    with timed(outcome, "enable"):
        # `settle` reloads, once for this and for what it disables.
        systemd.for_units("enable", target.units, systemd.WITHOUT_RELOAD)
    with timed(outcome, "cut over"):
        moment = swap(application, target)
    record(application, "reverted", live, release_id)
    record(application, "live", target.slot, before.release, moment=moment)
    settle(application, target, unreloaded=True)
    outcome.slot = target.slot
    return outcome


def unfinished(application: Application, release_id: str, live: str | None) -> Activation | None:
    """Return the line of the activation that a rollout of the release made live, or None.

    Also None if a rollout has succeeded since: then there is nothing to revert.
    """
    last = next(
        (done for done in reversed(activations(application)) if done.event == "activating"), None
    )
    if last is None or last.slot != live or last.release != release_id:
        return None
    ended = finished(application)
    return None if ended is not None and ended["at"] >= last.at else last
