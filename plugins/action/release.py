"""Sends the archive of a release to the module of the same name, in as few round trips as possible.

A small archive is sent within the call that builds, a large one as a separate file, after the host
has said that it needs it. For a release that the host is known to have, nothing is sent.
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.environment import (
    format_environment,
    parse_environment,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.transports import uv_problems
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.credentials import separate

#: Options whose URLs may carry credentials, uv's variable for the same, and how it separates them.
PRIVATE_PLACES = {
    "index": ("UV_INDEX", " "),
    "find_links": ("UV_FIND_LINKS", ","),
    "python_mirror": ("UV_PYTHON_INSTALL_MIRROR", ""),
}
#: Largest archive, in bytes, that is sent within the call: as text it is a third longer, and both
#: sides hold it in memory.
LARGEST_WITHIN_CALL = 4 * 1024 * 1024


class ActionModule(ActionBase):
    """Runs the module, with the archive if it needs one."""

    _supports_check_mode = True
    _supports_diff = True

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return what the module returned."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        local = str(arguments.pop("local_archive", "") or "")
        present = arguments.pop("present", None) or []
        if arguments.get("state", "present") != "present":
            return result | self._module(arguments, task_vars)
        settings = parse_environment(str(arguments.get("uv_environment") or ""))
        if problems := uv_problems(settings, arguments.get("python_mirror")):
            return result | {"failed": True, "msg": "\n".join(one.message for one in problems)}
        arguments = _with_private_places(arguments, settings)
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
        if not local or self._task.check_mode:
            return result | self._module(arguments, task_vars)
        archive = Path(local)
        name = archive.name
        if archive.stat().st_size <= LARGEST_WITHIN_CALL:
            content = base64.b64encode(archive.read_bytes()).decode()
            return result | self._module(
                arguments | {"content": content, "archive_name": name}, task_vars
            )
        asked = self._module(arguments | {"look": True}, task_vars)
        if asked.get("failed") or asked.get("manifest") or asked.get("missing"):
            return result | asked
        folder = self._make_tmp_path()
        try:
            path = self._connection._shell.join_path(folder, name)
            self._transfer_file(str(archive), path)
            return result | self._module(
                arguments | {"archive": path, "archive_name": name}, task_vars
            )
        finally:
            self._remove_tmp_path(folder)

    def _module(
        self, arguments: dict[str, Any], task_vars: dict[str, Any] | None
    ) -> dict[str, Any]:
        answer: dict[str, Any] = self._execute_module(
            module_name="asgi.fleet.release", module_args=arguments, task_vars=task_vars
        )
        return answer


def _with_private_places(arguments: dict[str, Any], settings: dict[str, str]) -> dict[str, Any]:
    """Move URLs with credentials to uv's environment, which neither -vvv nor the journal shows."""
    moved = dict(settings)
    kept = dict(arguments)
    for option, (variable, separator) in PRIVATE_PLACES.items():
        url = str(arguments.get(option) or "")
        if separate(url)[0] == url:
            continue
        kept.pop(option)
        others = [settings[variable]] if separator and settings.get(variable) else []
        moved[variable] = separator.join([url, *others])
    return kept | ({"uv_environment": format_environment(moved)} if moved != settings else {})
