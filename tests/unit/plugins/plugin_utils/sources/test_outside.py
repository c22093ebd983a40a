"""What a folder of a repository needs outside of it."""

from __future__ import annotations

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.outside import reaches_outside

WORKSPACE = '[tool.uv.workspace]\nmembers = ["backend", "libs/*"]\nexclude = ["libs/old"]\n'


@pytest.mark.parametrize(
    ("subdirectory", "files", "reason"),
    [
        ("", {"requirements.txt": "-r ../base.txt"}, ""),
        ("backend", {"backend/requirements.txt": "fastapi\n-r base.txt\n"}, ""),
        (
            "backend",
            {"pyproject.toml": WORKSPACE, "uv.lock": "", "backend/pyproject.toml": "[project]"},
            "it is a member of the uv workspace of pyproject.toml",
        ),
        (
            "/libs/common/",
            {"pyproject.toml": WORKSPACE},
            "it is a member of the uv workspace of pyproject.toml",
        ),
        ("libs/old", {"pyproject.toml": WORKSPACE, "libs/old/requirements.txt": ""}, ""),
        ("libs/a/b", {"pyproject.toml": WORKSPACE, "libs/a/b/requirements.txt": ""}, ""),
        (
            "py/api",
            {"py/pyproject.toml": '[tool.uv.workspace]\nmembers = ["*"]', "py/uv.lock": ""},
            "it is a member of the uv workspace of py/pyproject.toml",
        ),
        (
            "api",
            {"api/pyproject.toml": '[tool.uv.sources]\ncommon = { path = "../common" }'},
            "its pyproject.toml names ../common",
        ),
        (
            "api",
            {"api/pyproject.toml": '[tool.poetry.dependencies]\ncommon = {path = "../common"}'},
            "its pyproject.toml names ../common",
        ),
        (
            "api",
            {
                "api/pyproject.toml": "[project]\ndependencies = "
                '["c @ file:///${PROJECT_ROOT}/../common"]'
            },
            "its pyproject.toml names ../common",
        ),
        (
            "api",
            {"api/pyproject.toml": '[tool.hatch.build.targets.wheel.force-include]\n"../c" = "c"'},
            "its pyproject.toml names ../c",
        ),
        # A linter's configuration is not needed, and neither is the folder's own parent's.
        ("api", {"api/pyproject.toml": '[tool.ruff]\nextend = "../ruff.toml"'}, ""),
        ("api", {"api/pyproject.toml": '[tool.uv.sources]\nc = { path = "./x/../c" }'}, ""),
        (
            "api",
            {"api/requirements.txt": "fastapi\n--requirement=../base.txt\n"},
            "its requirements.txt names ../base.txt",
        ),
        (
            "api",
            {"api/requirements.txt": "-e ../common[x]"},
            "its requirements.txt names ../common[x]",
        ),
        (
            "api",
            {"api/requirements.txt": "c @ file:../common"},
            "its requirements.txt names ../common",
        ),
        (
            "api",
            {
                "api/requirements.txt": "-r requirements/a.txt",
                "api/requirements/a.txt": "-c ../../c.txt",
            },
            "its requirements/a.txt names ../../c.txt",
        ),
        ("api", {"api/requirements.txt": "-r b.txt", "api/b.txt": "-r requirements.txt"}, ""),
        (
            "src/api",
            {"requirements.txt": "fastapi", "src/api/main.py": ""},
            "it has no file that names its dependencies, which requirements.txt does",
        ),
        ("api", {"api/main.py": ""}, ""),
        ("api", {"api/pyproject.toml": "not = = toml"}, ""),
    ],
)
def test_reaches_outside_says_what_a_folder_needs(
    subdirectory: str, files: dict[str, str], reason: str
) -> None:
    assert reaches_outside(files.get, subdirectory) == reason


def test_reaches_outside_follows_the_file_that_was_chosen() -> None:
    files = {"api/requirements.txt": "", "api/requirements/prod.txt": "-r ../../base.txt"}
    assert not reaches_outside(files.get, "api")
    assert reaches_outside(files.get, "api", "requirements/prod.txt") == (
        "its requirements/prod.txt names ../../base.txt"
    )
    assert reaches_outside(files.get, "api", "../requirements.txt") == (
        "app_dependencies.file is ../requirements.txt"
    )
    assert not reaches_outside({"requirements.txt": ""}.get, "api", "none")
