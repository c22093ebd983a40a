"""The filters of a rollout over a fleet; the rules are in `plugin_utils/rollout`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.asgi.fleet.plugins.plugin_utils.rollout import begin, report, waves


class FilterModule:
    """The collection's filters of this file; each is documented in a file with its name."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {
            "plan_waves": waves.plan_waves,
            "plan_lines": waves.plan_lines,
            "wave_outcomes": waves.wave_outcomes,
            "soak_seconds": waves.soak_seconds,
            "close_wave": waves.close_wave,
            "rollout_report": report.rollout_report,
            "release_target": begin.release_target,
        }
