"""Does a part of a drill on a host, and keeps the source that it fetches in a file."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from ansible_collections.asgi.fleet.plugins.plugin_utils.entry.remote import RemoteAction


class ActionModule(RemoteAction):
    """The module of the same name; an archive is not carried through the variables of a run."""

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return what the module returned, with `archive`, the file of what it has packed."""
        path = str(self._task.args.get("archive", ""))
        result = super().run(tmp, task_vars)
        content = result.pop("content", None)
        if content is not None and path:
            Path(path).write_bytes(base64.b64decode(content))
            result["archive"] = path
        return result
