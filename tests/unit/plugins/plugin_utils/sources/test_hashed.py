"""A source without a lock that has hashes is refused on the controller, when that is asked for."""

from __future__ import annotations

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.installation import Installation
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.entries import SourceError
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.hashed import require_hashes
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.tree import Tree

HASHED = f"anyio==4.9.0 --hash=sha256:{64 * 'a'}\n"


@pytest.mark.parametrize(
    ("texts", "installation"),
    [
        ({"requirements.txt": HASHED}, Installation("requirements.txt")),
        ({"api/requirements/prod.txt": HASHED}, Installation("api/requirements/prod.txt")),
        # Of a lock that uv cannot read, what is installed counts.
        ({"poetry.lock": ""}, Installation("poetry.lock", exported=HASHED)),
    ],
)
def test_source_with_hashes_passes(texts: dict[str, str], installation: Installation) -> None:
    require_hashes("tree", Tree.of(texts), installation)


@pytest.mark.parametrize(
    ("texts", "installation", "told"),
    [
        ({}, Installation(), "there is no file"),
        (
            {"requirements.txt": "anyio==4.9.0\n"},
            Installation("requirements.txt"),
            "requirements.txt does not",
        ),
        (
            {"pyproject.toml": "[project]\n"},
            Installation("pyproject.toml"),
            "pyproject.toml does not",
        ),
        (
            {"poetry.lock": ""},
            Installation("poetry.lock", exported="anyio==4.9.0\n"),
            "poetry.lock does not",
        ),
    ],
)
def test_source_without_hashes_is_refused(
    texts: dict[str, str], installation: Installation, told: str
) -> None:
    with pytest.raises(SourceError, match=told):
        require_hashes("tree", Tree.of(texts), installation)


@pytest.mark.parametrize("kind", ["wheel", "package"])
def test_what_has_no_lock_is_refused(kind: str) -> None:
    with pytest.raises(SourceError, match=f"but a {kind} names its dependencies without hashes"):
        require_hashes(kind, Tree.of({}), Installation())
