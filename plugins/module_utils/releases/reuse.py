"""Whether the virtual environment of an earlier release can serve a new one.

A release that changes only code has the same dependencies as the previous one. If a lock names
them exactly, a copy of the earlier virtual environment is the same as a new installation, in less
time (docs/decisions.md).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.asgi.fleet.plugins.module_utils.protocol.locks import has_hashes
from ansible_collections.asgi.fleet.plugins.module_utils.releases.hashes import is_project
from ansible_collections.asgi.fleet.plugins.module_utils.releases.recipe import Recipe

#: What comes from a folder and from a file in uv.lock.
_MEMBER = re.compile(r"^source = \{ (?:directory|editable|virtual) = ", re.M)
_FILE = re.compile(r"\{ path = ")
_LOCAL_IN_PYLOCK = re.compile(r"^\s*(?:\[packages\.directory\]|path\s*=|directory\s*=)", re.M)


def environment_key(recipe: Recipe, ingredients: Sequence[object]) -> str:
    """Return a digest of everything that determines the installation; empty without a lock.

    But for the project itself, which is installed anew: its code, its version, the environment of
    its build.

    Args:
        recipe: The release, with the texts of its source.
        ingredients: Everything else: the interpreter, the server packages, the index.
    """
    if not recipe.used or not is_exact(recipe.used_kind, recipe.text, recipe.installation.name):
        return ""
    installation = recipe.installation
    told = json.dumps(
        [
            recipe.used,
            recipe.project,
            recipe.text,
            # The groups and extras that a lock is read with stand in the project's own file.
            list(recipe.projects) if recipe.used_kind == "uv.lock" else [],
            list(installation.extras),
            list(installation.groups),
            [installation.package, installation.name],
            *ingredients,
        ],
        default=str,
    )
    return hashlib.sha256(told.encode(errors="surrogateescape")).hexdigest()


def is_exact(kind: str, text: str, project: str = "") -> bool:
    """Return whether a dependency file names every package with its exact content.

    Args:
        kind: How it is read.
        text: Its text.
        project: The project's name; empty if it is the one in the folder of a uv.lock.
    """
    if kind == "uv.lock":
        return not _needs_local(text, project)
    if kind == "pylock.toml":
        return not _LOCAL_IN_PYLOCK.search(text)
    return kind == "requirements.txt" and has_hashes(kind, text)


def _needs_local(lock: str, project: str) -> bool:
    """Return whether a uv.lock has a package from a folder or a file that may be installed.

    Not the project itself, and no member of its workspace that no package depends on.
    """
    blocks = [block.partition("[package.metadata]")[0] for block in lock.split("[[package]]\n")[1:]]
    needed = {name for block in blocks for name in re.findall(r'\{ name = "([^"]+)"', block)}
    for block in blocks:
        name = re.search(r'^name = "([^"]+)"', block, re.M)
        if name is None or is_project(name[1], block, project):
            continue
        if _MEMBER.search(block) and name[1] in needed:
            return True
        if _FILE.search(block):
            return True
    return False


def donor(manifests: Mapping[str, Mapping[str, Any]], key: str) -> str:
    """Return the newest release with the same environment, or an empty string.

    Args:
        manifests: The manifests of the complete releases, by id.
        key: What `environment_key` returned for the new one.
    """
    same = [name for name, one in manifests.items() if key and one.get("environment") == key]
    return max(same, key=lambda name: manifests[name].get("built_at", 0), default="")
