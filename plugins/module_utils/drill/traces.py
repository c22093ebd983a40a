"""What a drill leaves on a host: a note while it lasts, and releases, removed after it."""

from __future__ import annotations

import base64
import io
import json
import os
import tarfile
from pathlib import Path
from typing import Any

from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import (
    SLOTS,
    Application,
)
from ansible_collections.asgi.fleet.plugins.module_utils.drill.units import DrillError, left
from ansible_collections.asgi.fleet.plugins.module_utils.host import systemd
from ansible_collections.asgi.fleet.plugins.module_utils.host.files import (
    read_text,
    remove_tree,
    replace_link,
    write_file,
)
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.drill import ARCHIVE
from ansible_collections.asgi.fleet.plugins.module_utils.releases.manifest import read_manifest
from ansible_collections.asgi.fleet.plugins.module_utils.releases.retention import (
    live_release,
    manifests,
)

#: Bytes of a packed source that travel to the controller.
MOST_BYTES = 64 << 20
#: What a release's folder has besides the source as it was packed.
MADE = ("__pycache__",)


def note(application: Application) -> str:
    """Return the path of the note: which release was live when a drill began."""
    return application.path("var/lib", application.name, "drill.json")


def look(application: Application) -> dict[str, Any]:
    """Return what the drill needs to know of the host, and what an earlier one has left.

    Returns:
        `release` (the live one), `module` (its callable), `note` (of a drill that has not ended; or
        None), `releases` (ids that drills have made), `units` (of a drill that run).
    """
    live = live_release(application)
    manifest = read_manifest(os.path.join(application.releases, live)) if live else None
    text = read_text(note(application))
    return {
        "release": live,
        "module": (manifest or {}).get("module", ""),
        "note": json.loads(text) if text else None,
        "releases": _made(application),
        "units": left(application),
    }


def begin(application: Application, drill: str, release: str) -> None:
    """Note which release was live."""
    text = json.dumps({"drill": drill, "release": release}) + "\n"
    write_file(note(application), text, 0o644)


def packed(application: Application) -> dict[str, Any]:
    """Return the source of the live release, packed.

    Returns:
        `content` (a tar archive, in Base64), `project` (the folder in it that is served; empty for
        all of it).

    Raises:
        DrillError: It has none, or one that is too large.
    """
    path = os.path.join(application.releases, live_release(application))
    manifest = read_manifest(path) or {}
    project = str(manifest.get("project") or "")
    source = os.path.join(path, "repository" if project else "src")
    kind = str((manifest.get("source") or {}).get("type", ""))
    if kind == "package" or not os.path.isdir(source):
        raise DrillError(
            "the live release was made of a package, and has no source of which a bad release "
            "could be made"
        )
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        archive.add(source, arcname=".", filter=_as_packed)
    if stream.tell() > MOST_BYTES:
        raise DrillError(
            f"the source of the live release has {stream.tell() >> 20} MiB packed; expected at "
            f"most {MOST_BYTES >> 20}, since a drill fetches it"
        )
    return {"content": base64.b64encode(stream.getvalue()).decode(), "project": project}


def clear(application: Application, release: str) -> list[str]:
    """Remove the releases that drills have made, and the note.

    Args:
        application: The application.
        release: What an idle slot is pointed to that has one of them.

    Returns:
        The ids of those that were removed.

    Raises:
        DrillError: One of them is live.
    """
    made = _made(application)
    live = live_release(application)
    if live in made:
        raise DrillError(
            f"{live}, a release of a drill, is live; expected {release}; type: ansible-playbook "
            f"playbooks/rollback.yml -e release={release}, and drill again to remove the rest"
        )
    for name in SLOTS:
        slot = application.slot(name)
        path = slot.release()
        if path is None or os.path.basename(path) not in made:
            continue
        # It may still drain.
        for unit in slot.units:
            systemd.systemctl("stop", unit, check=False)
        replace_link(os.path.join("..", "releases", release), slot.release_link)
    for name in made:
        remove_tree(os.path.join(application.releases, name))
    Path(note(application)).unlink(missing_ok=True)
    return made


def _made(application: Application) -> list[str]:
    """Return the ids of the releases that drills have made."""
    return sorted(
        name
        for name, manifest in manifests(application).items()
        if os.path.basename(_path(manifest)).startswith(ARCHIVE)
    )


def _path(manifest: dict[str, Any]) -> str:
    return str((manifest.get("source") or {}).get("path", ""))


def _as_packed(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Leave out what the build has made: bytecode, and links to what is kept over releases."""
    name = os.path.basename(entry.name)
    if name in MADE or name.endswith(".pyc") or (entry.issym() and entry.linkname[:1] == "/"):
        return None
    return entry
