"""Packs the source of a release on the controller; see the module of the same name."""

from __future__ import annotations

import json
import os
from typing import Any, ClassVar

from ansible_collections.asgi.fleet.plugins.module_utils.protocol.installation import (
    Installation,
    to_option,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.entry.actions import ControllerAction
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import Findings
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.project import (
    dependencies,
    package,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.transports import check_transport
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.callable import resolve
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.entries import SourceError
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.hashed import require_hashes
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.installing import (
    Origin,
    Wishes,
    plan,
    refuse_wishes,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.packing import (
    Source,
    prepare,
    release_id,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.tree import Tree, read_tree


class ActionModule(ControllerAction):
    """Works on the controller alone."""

    options: ClassVar[dict[str, Any]] = {
        "source": {"type": "dict", "required": True},
        "cache": {"type": "str", "required": True},
        "ingredients": {"type": "list", "elements": "str", "default": []},
        "require_hashes": {"type": "bool", "default": False},
        "dependencies": {"type": "raw", "default": {}},
        "package": {"type": "raw", "default": "auto"},
        "python": {"type": "str", "default": ""},
        "module": {"type": "str", "default": ""},
        "commands": {"type": "list", "elements": "str", "default": []},
        "exporter_lock": {"type": "str", "default": ""},
        "prefix": {"type": "str", "default": "app_"},
    }

    def act(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return the archive, what identifies it, and how it is installed."""
        del task_vars
        # A role that is applied alone has no check_inputs before it.
        prefix = options["prefix"]
        findings = [Findings(f"{prefix}{name}") for name in ("source", "dependencies", "package")]
        check_transport(options["source"], findings[0])
        wanted = dependencies(options["dependencies"], findings[1])
        chosen = package(options["package"], findings[2])
        if problems := [problem for one in findings for problem in one.problems]:
            return {"changed": False, "failed": True, "msg": problems[0].message}
        wishes = Wishes(
            **wanted,
            package=chosen,
            python=options["python"],
            module=options["module"],
            commands=options["commands"],
            prefix=prefix,
        )
        try:
            return {"changed": False, **_prepared(options, wishes)}
        except SourceError as error:
            return {"changed": False, "failed": True, "msg": str(error)}


def _prepared(options: dict[str, Any], wishes: Wishes) -> dict[str, Any]:
    """Pack the source, and decide how it is installed."""
    cache = os.path.expanduser(options["cache"])
    source = prepare(options["source"], cache, wishes.file)
    tree, installation = _planned(source, options, wishes, cache)
    if options["require_hashes"]:
        require_hashes(source.kind, tree, installation)
    files = tree.below(source.project)
    served = resolve(
        options["module"],
        files.paths,
        files.read,
        package=installation.package,
        dependencies=installation.file,
        variable=f"{wishes.prefix}module",
    )
    told = to_option(installation)
    # What is only said makes no other release.
    notes = [*source.notes, *told.pop("notes"), *served.notes]
    decided = json.dumps([told, source.project, served.module], sort_keys=True)
    return {
        "release_id": release_id(source, decided, *options["ingredients"]),
        "ingredients": options["ingredients"],
        "kind": source.kind,
        "cache": cache,
        "archive": source.archive,
        "commit": source.commit,
        "subject": source.subject,
        "requirement": source.requirement,
        "shown": source.shown,
        "project": source.project,
        "installation": told,
        "module": served.module,
        "notes": notes,
    }


def _planned(
    source: Source, options: dict[str, Any], wishes: Wishes, cache: str
) -> tuple[Tree, Installation]:
    """Return the files of a source, and how it is installed."""
    if source.kind != "tree":
        # A wheel names its own dependencies.
        refuse_wishes(source.kind, wishes)
        return Tree.of({}), Installation()
    tree = read_tree(source.archive)
    origin = Origin(options["source"]["type"], source.described, cache, options["exporter_lock"])
    return tree, plan(tree, source.project, wishes, origin)
