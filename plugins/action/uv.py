"""Sends uv's wheel from the controller's cache, if it is to come from there; see the module."""

from __future__ import annotations

import os
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.asgi.fleet.plugins.plugin_utils.wheelhouses.stock import Stock


class ActionModule(ActionBase):
    """Runs the module, with a wheel if the controller has one for the host."""

    _supports_check_mode = True
    _supports_diff = True

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return what the module returned."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        cache = str(arguments.pop("cache", "") or "")
        platform = str(arguments.pop("platform", "") or "")
        if not cache or self._task.check_mode:
            return result | self._module(arguments, task_vars)
        wheel = Stock(cache, platform).uv_wheel(str(arguments["version"]))
        if not os.path.isfile(wheel):
            return result | {
                "failed": True,
                "msg": f"the controller has no wheel of uv for {platform} in {cache}; run again",
            }
        folder = self._make_tmp_path()
        try:
            path = self._connection._shell.join_path(folder, os.path.basename(wheel))
            self._transfer_file(wheel, path)
            return result | self._module(arguments | {"wheel": path}, task_vars)
        finally:
            self._remove_tmp_path(folder)

    def _module(
        self, arguments: dict[str, Any], task_vars: dict[str, Any] | None
    ) -> dict[str, Any]:
        answer: dict[str, Any] = self._execute_module(
            module_name="asgi.fleet.uv", module_args=arguments, task_vars=task_vars
        )
        return answer
