"""Projects that need more of their repository than their own folder."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.installation import Installation
from ansible_collections.asgi.fleet.plugins.module_utils.releases import build as release
from ansible_collections.asgi.fleet.plugins.module_utils.releases.build import build
from ansible_collections.asgi.fleet.plugins.module_utils.releases.recipe import BuildError, Recipe

from tests.unit.plugins.module_utils.release_host import (
    APPLICATION,
    UV,
    Pack,
    installed,
    refused,
    wheel,
)

pytestmark = pytest.mark.usefixtures("confinements")

#: A build back end in the source: nothing is downloaded for it. What it runs first is up to a test.
BACK_END = """
import os, zipfile

def build_wheel(folder, *_):
    {first}
    info = "common-1.0.dist-info"
    files = {{
        "common.py": open("common.py").read(),
        f"{{info}}/METADATA": "Metadata-Version: 2.1\\nName: common\\nVersion: 1.0\\n",
        f"{{info}}/WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    }}
    with zipfile.ZipFile(f"{{folder}}/common-1.0-py3-none-any.whl", "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
        archive.writestr(f"{{info}}/RECORD", "".join(f"{{name}},,\\n" for name in files))
    return "common-1.0-py3-none-any.whl"
"""
FILES = {
    "pyproject.toml": '[tool.uv.workspace]\nmembers = ["backend", "libs/common"]\n',
    "backend/pyproject.toml": """
[project]
name = "backend"
version = "1.0"
requires-python = ">=3.10"
dependencies = ["common"]
[project.optional-dependencies]
server = ["toy"]
[dependency-groups]
prod = ["extra-toy"]
dev = ["unwanted"]
[tool.uv.sources]
common = { workspace = true }
""",
    "backend/main.py": f"import common\n{APPLICATION}",
    "libs/common/pyproject.toml": """
[project]
name = "common"
version = "1.0"
requires-python = ">=3.10"
[build-system]
requires = []
build-backend = "back_end"
backend-path = ["."]
""",
    "libs/common/common.py": "NUMBER = 1\n",
    "libs/common/back_end.py": BACK_END.format(first="pass"),
}


@pytest.fixture
def workspace(recipe: Recipe, tmp_path: Path) -> dict[str, Any]:
    """The files of a repository with its lock, and fields of a recipe for its member backend."""
    folder = tmp_path / "wheels"
    for name in ("toy", "extra_toy", "unwanted"):
        wheel(folder, name, "1.0")
    repository = tmp_path / "repository"
    for name, text in FILES.items():
        path = repository / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    lock = [UV, "lock", "--quiet", "--offline", "--no-index", f"--find-links={folder}"]
    command = [*lock, "--cache-dir", recipe.cache, "--project", str(repository)]
    subprocess.run(command, check=True)
    return {
        "files": FILES | {"uv.lock": (repository / "uv.lock").read_text()},
        "project": "backend",
        "installation": Installation("uv.lock", name="backend"),
        "uv_environment": {
            **recipe.uv_environment,
            "UV_NO_INDEX": "1",
            "UV_FIND_LINKS": str(folder),
        },
    }


def test_member_is_installed_with_what_it_needs_of_its_workspace(
    pack: Pack, workspace: dict[str, Any]
) -> None:
    recipe = pack(**workspace)
    manifest = build(recipe, {})
    assert installed(recipe) == {"common": "1.0"}
    assert str(Path(recipe.inside("src")).readlink()) == "repository/backend"
    assert Path(recipe.inside("src", "main.py")).read_text() == FILES["backend/main.py"]
    # Not editable: the installed one is in the virtual environment.
    ask = [recipe.venv_python, "-c", "import common; print(common.__file__)"]
    assert "/site-packages/" in subprocess.check_output(ask, text=True)
    assert manifest["project"] == "backend"
    assert manifest["installation"]["file"] == "uv.lock"
    # The member's code is not in the lock: another release may have another one.
    assert manifest["environment"] == ""


def test_extras_and_groups_of_a_member_are_installed(pack: Pack, workspace: dict[str, Any]) -> None:
    told = replace(workspace["installation"], extras=["server"], groups=["prod"])
    recipe = pack(**workspace | {"installation": told})
    manifest = build(recipe, {})
    assert installed(recipe) == {"common": "1.0", "toy": "1.0", "extra-toy": "1.0"}
    assert (manifest["installation"]["extras"], manifest["installation"]["groups"]) == (
        ["server"],
        ["prod"],
    )


def test_extra_that_is_not_there_is_refused_by_the_variable(
    pack: Pack, workspace: dict[str, Any]
) -> None:
    told = replace(workspace["installation"], extras=["servr"])
    message = refused(pack(**workspace | {"installation": told}, prefix="app_"))
    assert message.startswith(
        "the dependencies cannot be installed from uv.lock; nothing live changed; "
        "app_dependencies names the extras and groups:\n"
    )
    assert "Extra `servr` is not defined" in message


@pytest.mark.parametrize(
    "left",
    [
        'os.symlink("/etc", os.environ["UV_PROJECT_ENVIRONMENT"] + "/../src")',
        'os.mkdir(os.environ["UV_PROJECT_ENVIRONMENT"] + "/../src")',
    ],
    ids=["a link", "a folder"],
)
def test_link_to_the_project_is_roots_whatever_the_build_left_there(
    pack: Pack, workspace: dict[str, Any], left: str
) -> None:
    back_end = {"libs/common/back_end.py": BACK_END.format(first=left)}
    recipe = pack(**workspace | {"files": workspace["files"] | back_end})
    build(recipe, {})
    assert str(Path(recipe.inside("src")).readlink()) == "repository/backend"


def test_project_that_the_build_replaced_is_refused(recipe: Recipe) -> None:
    made = replace(recipe, project="backend")
    Path(made.inside("repository")).mkdir(parents=True)
    Path(made.inside(".venv")).mkdir()
    Path(made.inside("repository", "backend")).touch()
    with pytest.raises(BuildError) as error:
        release._take_back(made)
    assert str(error.value) == "the build replaced repository/backend, a folder"


def test_project_that_is_not_in_the_source_is_refused(
    pack: Pack, workspace: dict[str, Any]
) -> None:
    message = refused(pack(**workspace | {"project": "frontend"}))
    assert message == "the source has no folder frontend, which has the project"
