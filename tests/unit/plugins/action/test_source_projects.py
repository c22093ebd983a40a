"""What the action around sources answers about a project: how it is installed, and what is said."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.unit.plugins.action.test_source import run_source

PROJECT = '[project]\nname = "{0}"\ndynamic = ["version"]\ndependencies = ["fastapi"]\n'
VCS = (
    '[build-system]\nrequires = ["hatchling", "hatch-vcs"]\nbuild-backend = "hatchling.build"\n'
    '[tool.hatch.version]\nsource = "vcs"\n'
)
FILES = {
    "pyproject.toml": '[tool.uv.workspace]\nmembers = ["backend"]\n',
    "uv.lock": 'version = 1\n[[package]]\nname = "backend"\nsource = { editable = "backend" }\n',
    "backend/pyproject.toml": PROJECT.format("backend") + VCS,
    "backend/backend/__init__.py": "",
    "backend/backend/main.py": "from fastapi import FastAPI\n\napp = FastAPI()\n",
    "backend/requirements.txt": "fastapi\n",
}


@pytest.fixture
def repository(tmp_path: Path) -> str:
    folder = tmp_path / "shop"
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for command in (
        ["init", "--quiet", "--initial-branch", "main"],
        ["add", "."],
        ["-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "--quiet", "-m", "first"],
        ["tag", "shop@1.4.0"],
    ):
        subprocess.run(["git", *command], cwd=folder, check=True)
    return str(folder)


def packed(repository: str, tmp_path: Path, **options: object) -> dict[str, Any]:
    source = {"type": "git", "url": repository, "version": "shop@1.4.0", "subdirectory": "backend"}
    wanted: dict[str, Any] = {"module": "backend.main:app", **options}
    return run_source(source=source, cache=str(tmp_path / "cache"), **wanted)


def test_member_of_a_workspace_at_a_tag(repository: str, tmp_path: Path) -> None:
    answer = packed(repository, tmp_path)
    assert not answer.get("failed"), answer
    assert answer["project"] == "backend"
    version = "SETUPTOOLS_SCM_PRETEND_VERSION"
    assert answer["installation"] == {
        "file": "uv.lock",
        "exported": "",
        "extras": [],
        "groups": [],
        "package": True,
        "name": "backend",
        "build_environment": {version: "1.4.0", f"{version}_FOR_BACKEND": "1.4.0"},
    }
    assert answer["module"] == "backend.main:app"
    assert (
        "requirements.txt is not used: ../uv.lock is more exact; app_dependencies: {file: "
        "requirements.txt} takes it"
    ) in answer["notes"]


def test_choice_makes_another_release_and_what_is_said_does_not(
    repository: str, tmp_path: Path
) -> None:
    first = packed(repository, tmp_path)
    assert packed(repository, tmp_path)["release_id"] == first["release_id"]
    told = packed(repository, tmp_path, commands=["alembic upgrade head"])
    assert told["release_id"] == first["release_id"]
    other = packed(repository, tmp_path, dependencies={"file": "requirements.txt"})
    assert other["installation"]["file"] == "backend/requirements.txt"
    served = packed(repository, tmp_path, package=False)
    assert not served["installation"]["package"]
    assert len({one["release_id"] for one in (first, other, served)}) == 3


def test_folder_alone_is_packed_where_the_chosen_file_needs_no_more(tmp_path: Path) -> None:
    folder = tmp_path / "repository"
    (folder / "api").mkdir(parents=True)
    (folder / "requirements.txt").write_text("fastapi\n")
    (folder / "api" / "requirements.txt").write_text("fastapi\n")
    (folder / "api" / "main.py").write_text("from fastapi import FastAPI\n\napp = FastAPI()\n")
    source = {"type": "path", "path": str(folder), "subdirectory": "api"}

    def installed(file: str) -> tuple[str, str]:
        answer = run_source(
            source=source,
            cache=str(tmp_path / "cache"),
            module="main:app",
            dependencies={"file": file},
        )
        return answer["project"], answer["installation"]["file"]

    assert installed("auto") == ("", "requirements.txt")
    assert installed("../requirements.txt") == ("api", "requirements.txt")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"dependencies": "requirements.txt"},
            "app_dependencies is requirements.txt; expected a mapping such as {file: "
            "requirements/production.txt, extras: [server]}; write {file: requirements.txt}",
        ),
        (
            {"package": "wheel"},
            "app_package is wheel; expected auto, true or false; set it in group_vars/app.yml",
        ),
        (
            {"dependencies": {"extras": ["server"]}},
            "app_dependencies.extras is [server]; pyproject.toml has no extras; remove server, or "
            "add it",
        ),
        (
            {"require_hashes": True, "dependencies": {"file": "requirements.txt"}},
            "python_release_require_hashes is true; expected a lock (of uv, Poetry, PDM or Pipenv, "
            "or a pylock.toml) or one requirements.txt that has a hash for every package, but "
            "backend/requirements.txt does not; run uv lock, or uv pip compile --generate-hashes "
            "requirements.in --output-file requirements.txt, and commit the file",
        ),
    ],
)
def test_wish_that_cannot_be_fulfilled_is_refused(
    repository: str, tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    answer = packed(repository, tmp_path, **options)
    assert (answer.get("failed"), answer.get("msg")) == (True, message)
