"""The releases of a host: the state of each, which ones to keep and which to remove.

Pure, except that it reads the host's records.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.asgi.fleet.plugins.module_utils.application.history import (
    Activation,
    activations,
)
from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import (
    SLOTS,
    Application,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host.locking import CAREFULLY
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.state import Release
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.world import source_folder
from ansible_collections.asgi.fleet.plugins.module_utils.releases.manifest import read_manifest

#: States of a release that did not stay live, from the activations.
NOT_KEPT_LIVE = ("refused", "reverted")


def live_release(application: Application) -> str:
    """Return the id of the release that serves, or an empty string."""
    live = application.live_slot()
    path = application.slot(live).release() if live else None
    return os.path.basename(path) if path else ""


def previous_release(history: Sequence[Activation], live: str, present: set[str]) -> str:
    """Return the release that was live before `live`, among those `present`, or an empty string.

    A reverted release is not a rollback target, until it has been live again.
    """
    reverted = set()
    for done in reversed(history):
        release = done.release
        if done.event == "reverted":
            reverted.add(release)
        elif done.event == "live" and release in reverted:
            reverted.discard(release)
        elif done.event == "live" and release != live and release in present:
            return release
    return ""


def manifests(application: Application) -> dict[str, dict[str, Any]]:
    """Return the manifests of the complete releases, by id."""
    paths = {name: os.path.join(application.releases, name) for name in _folders(application)}
    found = {name: read_manifest(path) for name, path in paths.items()}
    return {name: manifest for name, manifest in found.items() if manifest is not None}


def releases(application: Application) -> list[Release]:
    """Return the complete releases, newest first, each with its state."""
    built = manifests(application)
    history = activations(application)
    live = live_release(application)
    previous = previous_release(history, live, set(built))
    last: dict[str, str] = {done.release: done.event for done in history}
    shown: list[Release] = []
    for name in sorted(built, key=lambda n: built[n].get("built_at", 0), reverse=True):
        state = {live: "live", previous: "previous"}.get(name)
        shown.append(
            {
                "id": name,
                "state": state or (last[name] if last.get(name) in NOT_KEPT_LIVE else "kept"),
                "built_at": built[name].get("built_at", 0),
                "built_by": built[name].get("built_by", ""),
                "module": built[name].get("module", ""),
                "commit": built[name].get("commit", ""),
                "subject": built[name].get("subject", ""),
                "source": built[name].get("source", {}),
                "pinned": bool(built[name].get("pinned")),
                "hashes": built[name].get("hashes", "none"),
            }
        )
    return shown


def incomplete(application: Application, protected: set[str]) -> list[str]:
    """Return the folders that killed builds left behind."""
    return sorted(
        name
        for name in _folders(application)
        if name not in protected
        and not os.path.exists(os.path.join(application.releases, name, "manifest.json"))
    )


def _folders(application: Application) -> list[str]:
    """Return the folders of releases; files and links are not ours."""
    try:
        with os.scandir(application.releases) as entries:
            return [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    except FileNotFoundError:
        return []


def superfluous(
    built: Mapping[str, Mapping[str, Any]], protected: set[str], kept: int
) -> list[str]:
    """Return the ids of complete releases to remove, oldest first.

    Args:
        built: Manifests by id; `built_at` orders them (the mtime of a folder is not reliable).
        protected: Ids that are never removed and not counted.
        kept: How many others to keep.
    """
    others = [name for name in built if name not in protected and not built[name].get("pinned")]
    others.sort(key=lambda name: (built[name].get("built_at", 0), name))
    return others[: max(0, len(others) - kept)]


def protected_releases(application: Application) -> set[str]:
    """Return the ids of the live and the previous release, and of those that slots or runs use."""
    live = live_release(application)
    previous = previous_release(activations(application), live, set(manifests(application)))
    paths = (application.slot(slot).release() for slot in SLOTS)
    found = {live, previous, *(os.path.basename(path) for path in paths if path)} - {""}
    return found | {name for name in _folders(application) if _is_held(application, name)}


def _is_held(application: Application, name: str) -> bool:
    """Tell whether a run of a timer holds a release, as flock(2) in its unit says.

    It may have begun several releases ago.
    """
    source = source_folder(os.path.join(application.releases, name))
    try:
        descriptor = os.open(source, os.O_RDONLY | os.O_DIRECTORY | CAREFULLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def removable(application: Application, keep: int) -> list[str]:
    """Return the ids of unneeded releases: incomplete ones, and those beyond `keep`."""
    protected = protected_releases(application)
    return [
        *incomplete(application, protected),
        *superfluous(manifests(application), protected, keep),
    ]
