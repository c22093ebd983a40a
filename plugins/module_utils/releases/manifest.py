"""The manifest of a release: written last, so that a release without it is not complete."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from ansible_collections.asgi.fleet.plugins.module_utils.host.files import write_file


def read_manifest(path: str) -> dict[str, Any] | None:
    """Return the manifest of a complete release whose interpreter is still there, or None."""
    try:
        with open(os.path.join(path, "manifest.json"), encoding="utf-8") as file:
            manifest: dict[str, Any] = json.load(file)
    except (OSError, ValueError):
        return None
    # After an upgrade of the distribution the venv's link may be broken: build it again.
    return manifest if os.access(os.path.join(path, ".venv", "bin", "python"), os.X_OK) else None


def write_manifest(path: str, manifest: Mapping[str, Any]) -> None:
    """Write the manifest of the release in the folder `path`, after syncing everything else."""
    os.sync()
    text = json.dumps(manifest, indent=2, sort_keys=True) + "\n"
    write_file(os.path.join(path, "manifest.json"), text, 0o644)
