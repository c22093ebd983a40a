"""Whether the virtual environment of an earlier release can serve a new one.

A release that changes only code has the same dependencies as the previous one. If a lock names
them exactly, a copy of the earlier virtual environment is the same as a new installation, in less
time (docs/decisions.md).
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.asgi.fleet.plugins.module_utils.protocol.locks import has_hashes

#: Packages of a lock that come from a folder or a file; `.` is the project itself.
_LOCAL_IN_UV_LOCK = re.compile(r"(?:directory|editable|virtual|path) = \"(?!\.\")")
_LOCAL_IN_PYLOCK = re.compile(r"^\s*(?:\[packages\.directory\]|path\s*=|directory\s*=)", re.M)


def environment_key(source: str, dependencies: str, ingredients: Sequence[object]) -> str:
    """Return a digest of everything that determines the installation; empty without a lock.

    Args:
        source: Folder of the source.
        dependencies: The file in it that names the dependencies; empty for none.
        ingredients: Everything else: the interpreter, the server packages, the index.
    """
    if not dependencies:
        return ""
    text = _read(os.path.join(source, dependencies))
    if not is_exact(dependencies, text):
        return ""
    # The groups and extras that a lock is read with stand in the project's own file.
    project = _read(os.path.join(source, "pyproject.toml")) if dependencies == "uv.lock" else ""
    told = json.dumps([dependencies, text, project, *ingredients], default=str)
    return hashlib.sha256(told.encode(errors="surrogateescape")).hexdigest()


def is_exact(name: str, text: str) -> bool:
    """Return whether a dependency file names every package with its exact content."""
    if name == "uv.lock":
        return not _LOCAL_IN_UV_LOCK.search(text)
    if name == "pylock.toml":
        return not _LOCAL_IN_PYLOCK.search(text)
    return name == "requirements.txt" and has_hashes(name, text)


def donor(manifests: Mapping[str, Mapping[str, Any]], key: str) -> str:
    """Return the newest release with the same environment, or an empty string.

    Args:
        manifests: The manifests of the complete releases, by id.
        key: What `environment_key` returned for the new one.
    """
    same = [name for name, one in manifests.items() if key and one.get("environment") == key]
    return max(same, key=lambda name: manifests[name].get("built_at", 0), default="")


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except FileNotFoundError:
        return ""
