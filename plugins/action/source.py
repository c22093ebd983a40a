"""Packs the source of a release on the controller; see the module of the same name."""

from __future__ import annotations

import os
from typing import Any, ClassVar

from ansible_collections.asgi.fleet.plugins.plugin_utils.entry.actions import ControllerAction
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import Findings
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.transports import check_transport
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.entries import SourceError
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.hashed import require_hashes
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.packing import prepare, release_id


class ActionModule(ControllerAction):
    """Works on the controller alone."""

    options: ClassVar[dict[str, Any]] = {
        "source": {"type": "dict", "required": True},
        "cache": {"type": "str", "required": True},
        "ingredients": {"type": "list", "elements": "str", "default": []},
        "require_hashes": {"type": "bool", "default": False},
        "dependencies": {"type": "str", "default": "auto"},
    }

    def act(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return the archive and what identifies it."""
        del task_vars
        # A role that is applied alone has no check_inputs before it.
        findings = Findings("app_source")
        check_transport(options["source"], findings)
        if findings.problems:
            return {"changed": False, "failed": True, "msg": findings.problems[0].message}
        try:
            source = prepare(options["source"], os.path.expanduser(options["cache"]))
            if options["require_hashes"]:
                require_hashes(source, options["dependencies"])
        except SourceError as error:
            return {"changed": False, "failed": True, "msg": str(error)}
        return {
            "changed": False,
            "release_id": release_id(source, *options["ingredients"]),
            "kind": source.kind,
            "archive": source.archive,
            "commit": source.commit,
            "requirement": source.requirement,
            "shown": source.shown,
        }
