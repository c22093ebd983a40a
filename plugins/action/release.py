"""Sends the archive of a release to the module of the same name, in as few round trips as possible.

A small archive is sent within the call that builds, a large one as a separate file, after the host
has said that it needs it. For a release that the host is known to have, nothing is sent. Wheels
from a builder are sent as a file, unless a release of the host has the same.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.asgi.fleet.plugins.plugin_utils.entry.timing import Stopwatch
from ansible_collections.asgi.fleet.plugins.plugin_utils.wheelhouses.sending import (
    private_places,
    within_call,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.wheelhouses.stock import Stock

#: Options for those who choose a builder: the answer to a look repeats them.
OF_THE_LOOK = ("name", "id", "python", "builders")
#: What only a builder needs; credentials among them.
OF_A_BUILDER = ("index", "find_links", "uv_environment", "server_lock", "build_lock")


class ActionModule(ActionBase):
    """Runs the module, with the archive if it needs one."""

    _supports_check_mode = True
    _supports_diff = True

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return what the module returned, and how long it took."""
        watch = Stopwatch()
        return self._run(super().run(tmp, task_vars), task_vars) | watch.took()

    def _run(self, result: dict[str, Any], task_vars: dict[str, Any] | None) -> dict[str, Any]:
        arguments = dict(self._task.args)
        local = str(arguments.pop("local_archive", "") or "")
        present = arguments.pop("present", None) or []
        if arguments.get("state", "present") != "present":
            return result | self._module(arguments, task_vars)
        arguments, problem = private_places(arguments)
        if problem:
            return result | {"failed": True, "msg": problem}
        builders = arguments.pop("builders", None) or []
        if arguments.get("look"):
            result |= {key: arguments.get(key, "") for key in OF_THE_LOOK} | {"builders": builders}
        found = next((one for one in present if one["id"] == arguments.get("id")), None)
        if found is not None:
            path = f"/opt/{arguments['name']}/releases/{arguments['id']}"
            return result | {
                "changed": False,
                "path": path,
                "manifest": dict(found),
                "module": found["module"],
                "missing": [],
            }
        arguments, wheels, problem = _with_wheelhouse(arguments, check_mode=self._task.check_mode)
        if problem:
            return result | {"failed": True, "msg": problem}
        if not (local or wheels) or self._task.check_mode:
            return result | self._module(arguments, task_vars)
        content = within_call(Path(local)) if local else {}
        files = {"wheelhouse": wheels, "archive": "" if content else local}
        files = {option: path for option, path in files.items() if path}
        if not files:
            return result | self._module(arguments | content, task_vars)
        # Of wheels the host was asked before they were made.
        if "wheelhouse" not in arguments:
            asked = self._module(arguments | {"look": True}, task_vars)
            if any(asked.get(end) for end in ("failed", "is_refusal", "manifest", "missing")):
                return result | asked
        folder = self._make_tmp_path()
        try:
            return result | self._module(
                arguments | content | self._sent(files, folder, arguments), task_vars
            )
        finally:
            self._remove_tmp_path(folder)

    def _sent(
        self, files: dict[str, str], folder: str, arguments: dict[str, Any]
    ) -> dict[str, Any]:
        """Send files to a folder of the host, and return the options that name them."""
        told: dict[str, Any] = {}
        for option, file in files.items():
            name = Path(file).name
            path = self._connection._shell.join_path(folder, name)
            self._transfer_file(file, path)
            if option == "archive":
                told |= {"archive": path, "archive_name": name}
            else:
                told["wheelhouse"] = arguments["wheelhouse"] | {"archive": path}
        return told

    def _module(
        self, arguments: dict[str, Any], task_vars: dict[str, Any] | None
    ) -> dict[str, Any]:
        answer: dict[str, Any] = self._execute_module(
            module_name="asgi.fleet.release", module_args=arguments, task_vars=task_vars
        )
        return answer


def _with_wheelhouse(
    arguments: dict[str, Any], *, check_mode: bool
) -> tuple[dict[str, Any], str, str]:
    """Return the arguments, which wheels to send, and what is wrong.

    Nothing that is only for a builder goes to a host that installs what one has built.
    """
    kept = dict(arguments)
    cache = kept.pop("wheelhouse_cache", None)
    platform = str(kept.pop("platform", "") or "")
    known = kept.pop("wheelhouses", None) or []
    if not cache:
        return kept, "", ""
    kept = {name: value for name, value in kept.items() if name not in OF_A_BUILDER}
    if check_mode:
        return kept, "", ""
    stock = Stock(str(cache), platform)
    told = stock.told(str(kept["name"]), str(kept["id"]))
    if told is None:
        return (
            kept,
            "",
            (
                f"the controller has no wheels of {kept['id']} for {platform}: its builder, one of "
                "python_release_builders, does not answer any more; run again when it does"
            ),
        )
    archive = "" if told.pop("digest") in known else stock.archive(kept["name"], kept["id"])
    return kept | {"wheelhouse": told | {"platform": platform}}, archive, ""
