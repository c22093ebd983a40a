"""The filters of a rollout over a fleet; the rules are in `plugin_utils/rollout`."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.asgi.fleet.plugins.plugin_utils.report.record import Kind
from ansible_collections.asgi.fleet.plugins.plugin_utils.rollout import (
    account,
    backups,
    begin,
    interruption,
    report,
    singletons,
    waves,
)


def close_wave(
    progress: Mapping[str, Any] | None, outcomes: Mapping[str, waves.HostOutcome]
) -> dict[str, Any]:
    """Return the progress of the rollout; it ends if the operator has asked for that."""
    return waves.close_wave(progress, outcomes, interrupted=interruption.asked())


def soak_moments(seconds: float) -> list[float]:
    """Return when to look at a wave from now on; never, if the rollout is to end."""
    return [] if interruption.asked() else waves.soak_moments(float(seconds), time.time())


def rollout_told(
    plan: waves.RolloutPlan,
    host: str,
    kind: Kind,
    progress: Mapping[str, Any],
    hostvars: Mapping[str, Mapping[str, Any]],
    *,
    early: bool = False,
) -> dict[str, Any]:
    """Return what a host keeps of the rollout; nothing of what is no rollout."""
    if not kind or not plan:
        return {}
    app = str(hostvars[host]["deployment"]["app_name"])
    states = account.end_states(app, plan, progress, hostvars)
    found = account.host_told(app, kind, progress, hostvars[host], states, early=early)
    backup = backups.backup_told(app, hostvars, next(iter(states), host))
    return {**found, "backup": backup} if backup else found


class FilterModule:
    """The collection's filters of this file; each is documented in a file with its name."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {
            "plan_waves": waves.plan_waves,
            "plan_lines": waves.plan_lines,
            "wave_outcomes": waves.wave_outcomes,
            "soak_seconds": waves.soak_seconds,
            "soak_moments": soak_moments,
            "close_wave": close_wave,
            "rollout_told": rollout_told,
            "rollout_report": report.rollout_report,
            "release_target": begin.release_target,
            "runs_singletons": singletons.runs_singletons,
            "singletons_lost": singletons.lost_lines,
            "singletons_homes": singletons.homes,
            "singletons_others": singletons.others,
            "singletons_retakers": singletons.retakers,
            "singletons_takers": singletons.takers,
        }
