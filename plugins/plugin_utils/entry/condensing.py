"""An action plugin that only shortens the diff of its module."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible import constants
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.asgi.fleet.plugins.plugin_utils.entry.timing import Stopwatch
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.diffs import Shown, condensed

display = Display()


def shortened(result: Mapping[str, Any], task_vars: Mapping[str, Any]) -> dict[str, Any]:
    """Return the diff of a result without what other hosts of the run have shown."""
    diff = result.get("diff")
    if not result.get("changed") or not diff:
        return {}
    shown = Shown(Path(constants.DEFAULT_LOCAL_TMP))
    several = diff if isinstance(diff, list) else [diff]
    host = str(task_vars.get("inventory_hostname"))
    return {"diff": condensed(several, host, shown, whole=display.verbosity > 0)}


class CondensingAction(ActionBase):
    """Runs the module of its own name; what another host has shown is not shown again."""

    _supports_check_mode = True
    _supports_diff = True

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return the module's result."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        watch = Stopwatch()
        result |= self._execute_module(task_vars=task_vars) | watch.took()
        return result | (shortened(result, task_vars or {}) if self._task.diff else {})
