"""Which file names the dependencies, and what is built: decided before the host is touched."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from events import ROOT, Shop
from projects import Project

SERVERS = ROOT / "roles" / "python_release" / "files" / "server-requirements.txt"
#: An application that tells the versions of what is installed.
APPLICATION = """
import importlib.metadata
import json


async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    names = ("ledger", "iniconfig", "click")
    found = {one.name: one.version for one in importlib.metadata.distributions()}
    told = json.dumps({name: found.get(name) for name in names})
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": told.encode()})
"""
PYPROJECT = """
[project]
name = "ledger"
dynamic = ["version"]

[build-system]
requires = ["hatchling", "hatch-vcs"]
build-backend = "hatchling.build"

[tool.hatch.version]
source = "vcs"
"""


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with a tag, whose dependencies are in a folder, and whose version is git's."""
    folder = tmp_path_factory.mktemp("ledger")
    files = {
        "pyproject.toml": PYPROJECT,
        "ledger/__init__.py": "",
        "ledger/web.py": APPLICATION,
        "requirements/base.txt": "iniconfig==2.0.0\n",
        "requirements/production.txt": "-r base.txt\n",
        "requirements/test.txt": "pytest\n",
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    who = ["-c", "user.name=test", "-c", "user.email=test@example.com"]
    for command in (
        ["init", "--quiet", "--initial-branch", "main"],
        ["add", "."],
        [*who, "commit", "--quiet", "--message", "first"],
        ["tag", "ledger@1.4.0"],
    ):
        subprocess.run(["git", *command], cwd=folder, check=True)
    return folder


def test_dependencies_are_those_of_the_named_file_and_the_version_that_of_the_tag(
    shop: Shop, repository: Path
) -> None:
    source = {"type": "git", "url": str(repository), "version": "ledger@1.4.0"}
    project = Project(shop, "ledger")
    said = project.release(
        source,
        "ledger.web:app",
        app_health_path="/",
        app_dependencies={"file": "requirements/production.txt"},
    )
    assert "Of the source:" not in said, "there is nothing to say"
    told = json.loads(project.ask("/"))
    assert (told["ledger"], told["iniconfig"]) == ("1.4.0", "2.0.0")
    installation = project.manifest["installation"]
    assert installation["file"] == "requirements/production.txt"
    assert installation["package"], "hatchling finds the package"


def test_lock_of_pipenv_is_installed_as_locked(shop: Shop, tmp_path: Path) -> None:
    locked = re.search(r"^click==(\S+) .*\n((?: +--hash=.*\n)+)", SERVERS.read_text(), re.M)
    assert locked
    hashes = re.findall(r"sha256:\w+", locked[2])
    lock = {
        "_meta": {"sources": [{"name": "pypi", "url": "https://mirror.example.com"}]},
        "default": {"click": {"hashes": hashes, "version": f"=={locked[1]}"}},
        "develop": {},
    }
    (tmp_path / "Pipfile").write_text('[packages]\nclick = "*"\n')
    (tmp_path / "Pipfile.lock").write_text(json.dumps(lock))
    (tmp_path / "requirements.txt").write_text("click==8.0.0\n")
    (tmp_path / "web.py").write_text(APPLICATION)
    project = Project(shop, "ledger")
    said = " ".join(
        project.release(
            tmp_path, "web:app", app_health_path="/", python_release_require_hashes=True
        ).split()
    )
    note = (
        "requirements.txt is not used: Pipfile.lock is more exact; app_dependencies: {file: "
        "requirements.txt} takes it"
    )
    assert f"Of the source: - {note}" in said
    assert json.loads(project.ask("/")) == {"ledger": None, "iniconfig": None, "click": locked[1]}
    manifest = project.manifest
    assert (manifest["installation"]["file"], manifest["hashes"]) == ("Pipfile.lock", "enforced")
    assert note in manifest["notes"]


def test_requirements_in_a_folder_are_refused_before_the_host(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "production.txt").write_text("starlette\n")
    (tmp_path / "web.py").write_text(APPLICATION)
    Project(shop, "ledger").refuse(
        tmp_path,
        "web:app",
        "app_dependencies.file is auto; the source has requirements/production.txt, but none of",
        "set app_dependencies: {file: requirements/production.txt}",
    )
