"""A source without a lock that has hashes is refused on the controller, when that is asked for."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.entries import SourceError
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.hashed import require_hashes
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.packing import Source, prepare

HASHED = f"anyio==4.9.0 --hash=sha256:{64 * 'a'}\n"


def packed(tmp_path: Path, **files: str) -> Source:
    folder = tmp_path / "shop"
    (folder / "sub").mkdir(parents=True)
    (folder / "main.py").write_text("app = None\n")
    (folder / "sub" / "requirements.txt").write_text(HASHED)
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text)
    return prepare({"type": "path", "path": str(folder)}, str(tmp_path / "cache"))


def test_source_with_hashes_passes(tmp_path: Path) -> None:
    require_hashes(packed(tmp_path, requirements_txt=HASHED, pyproject_toml="[project]\n"), "auto")


@pytest.mark.parametrize(
    ("files", "dependencies", "told"),
    [
        ({}, "auto", "there is no file"),
        ({"requirements_txt": "anyio==4.9.0\n"}, "auto", "requirements.txt does not"),
        ({"pyproject_toml": "[project]\n"}, "auto", "pyproject.toml does not"),
        (
            {"requirements_txt": HASHED, "pyproject_toml": "[project]\n"},
            "pyproject.toml",
            "pyproject.toml does not",
        ),
    ],
)
def test_source_without_hashes_is_refused(
    tmp_path: Path, files: dict[str, str], dependencies: str, told: str
) -> None:
    with pytest.raises(SourceError, match=told):
        require_hashes(packed(tmp_path, **files), dependencies)


@pytest.mark.parametrize("kind", ["wheel", "package"])
def test_what_has_no_lock_is_refused(kind: str) -> None:
    with pytest.raises(SourceError, match=f"but a {kind} names its dependencies without hashes"):
        require_hashes(Source(kind, "digest", "label"), "auto")
