"""Whether a packed source names its dependencies with hashes: known before a host is touched."""

from __future__ import annotations

import tarfile

from ansible_collections.asgi.fleet.plugins.module_utils.protocol.locks import (
    DEPENDENCY_FILES,
    dependency_file_of,
    has_hashes,
    without_hashes,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.entries import SourceError
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.packing import Source


def require_hashes(source: Source, dependencies: str) -> None:
    """Refuse a source without a lock that has hashes.

    Args:
        source: The packed source.
        dependencies: The file that names them; auto for the most exact one.

    Raises:
        SourceError: It has no such lock.
    """
    files = _dependency_files(source.archive) if source.kind == "tree" else {}
    used = dependency_file_of(list(files), dependencies)
    if not used or not has_hashes(used, files[used]):
        raise SourceError(without_hashes(source.kind, used))


def _dependency_files(archive: str) -> dict[str, str]:
    """Return the text of each dependency file at the top of an archive."""
    found = {}
    with tarfile.open(archive) as tar:
        for member in tar:
            if member.name in DEPENDENCY_FILES and (file := tar.extractfile(member)):
                found[member.name] = file.read().decode(errors="surrogateescape")
    return found
