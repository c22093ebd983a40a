"""Whether a packed source names its dependencies with hashes: known before a host is touched."""

from __future__ import annotations

from ansible_collections.asgi.fleet.plugins.module_utils.protocol.installation import Installation
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.locks import (
    has_hashes,
    without_hashes,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.choice import kind_of
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.entries import SourceError
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.tree import Tree


def require_hashes(kind: str, tree: Tree, installation: Installation) -> None:
    """Refuse a source without a lock that has hashes.

    Args:
        kind: tree, wheel or package, as the source was packed.
        tree: Its files; none for a wheel or a package.
        installation: How it is installed.

    Raises:
        SourceError: It has no such lock.
    """
    used, exported = installation.file, installation.exported
    name = "requirements.txt" if exported else kind_of(used)
    if not used or not has_hashes(name, exported or tree.read(used) or ""):
        raise SourceError(without_hashes(kind, used))
