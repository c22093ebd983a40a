"""Packs the source of a release on the controller; see the module of the same name."""

from __future__ import annotations

import os
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.packing import (
    SourceError,
    prepare,
    release_id,
)


class ActionModule(ActionBase):
    """Works on the controller alone."""

    _requires_connection = False
    _supports_check_mode = True
    _supports_diff = True

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return the archive and what identifies it."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, args = self.validate_argument_spec(
            argument_spec={
                "source": {"type": "dict", "required": True},
                "cache": {"type": "str", "required": True},
                "ingredients": {"type": "list", "elements": "str", "default": []},
            }
        )
        try:
            source = prepare(args["source"], os.path.expanduser(args["cache"]))
        except SourceError as error:
            return result | {"failed": True, "msg": str(error)}
        return result | {
            "changed": False,
            "release_id": release_id(source, *args["ingredients"]),
            "kind": source.kind,
            "archive": source.archive,
            "commit": source.commit,
            "requirement": source.requirement,
            "source": args["source"],
            "shown": source.shown,
        }
