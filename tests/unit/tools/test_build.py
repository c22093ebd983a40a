"""The artifact of `ansible-galaxy collection build`: the collection alone."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
#: The only folders of plugins that the collection has; another one is a slip of the pen.
PLUGINS = {
    "action",
    "callback",
    "doc_fragments",
    "filter",
    "module_utils",
    "modules",
    "plugin_utils",
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Build the collection, and return the paths of the files in the artifact."""
    folder = tmp_path_factory.mktemp("build")
    galaxy = Path(sys.executable).with_name("ansible-galaxy")
    command: list[str | Path] = [galaxy, "collection", "build", "--output-path", folder]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (artifact,) = folder.glob("asgi-fleet-*.tar.gz")
    with tarfile.open(artifact) as archive:
        return {member.name for member in archive if not member.isdir()}


def committed(*patterns: str) -> set[str]:
    listed = subprocess.run(
        ["git", "ls-files", *patterns], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return set(listed.stdout.splitlines())


def test_artifact_holds_the_collection_and_nothing_of_the_bundle(files: set[str]) -> None:
    assert {path.partition("/")[0] for path in files} == {
        "CHANGELOG.rst",
        "FILES.json",
        "LICENSE",
        "MANIFEST.json",
        "README.md",
        "SECURITY.md",
        "changelogs",
        "docs",
        "meta",
        "playbooks",
        "plugins",
        "requirements.yml",
        "roles",
        "templates",
    }
    assert {path.split("/")[1] for path in files if path.startswith("plugins/")} - PLUGINS == {
        "__init__.py"
    }


def test_artifact_holds_every_committed_file_of_the_collection(files: set[str]) -> None:
    wanted = committed("meta", "playbooks", "plugins", "roles", "templates")
    # A link to the clone itself, which an installed collection does not need.
    assert wanted - files == {"playbooks/collections"}


def test_artifact_holds_no_file_that_a_tool_left(files: set[str]) -> None:
    assert [path for path in files if "__pycache__" in path or path.endswith(".pyc")] == []
    assert [path for path in files if path.startswith("changelogs/fragments")] == []
