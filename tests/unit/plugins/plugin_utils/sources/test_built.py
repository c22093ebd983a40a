"""Whether a project is built: by what its build system would find, by its own rule."""

from __future__ import annotations

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.built import is_built
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.entries import SourceError
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.project import read_project
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.tree import Tree

PROJECT = '[project]\nname = "My.Shop"\nversion = "1"\n'
BACKENDS = {
    "poetry": "poetry.core.masonry.api",
    "old poetry": "poetry.masonry.api",
    "hatchling": "hatchling.build",
    "setuptools": "setuptools.build_meta",
    "flit": "flit_core.buildapi",
    "uv_build": "uv_build",
    "pdm": "pdm.backend",
    "maturin": "maturin",
    "scikit": "scikit_build_core.build",
    "unknown": "acme_build",
}


def reason(
    files: dict[str, str], wanted: str = "auto", lock: str = "", lock_folder: str = ""
) -> str:
    return is_built(read_project(Tree.of(files), ""), wanted, lock, lock_folder, "app_")


def with_backend(backend: str, more: str = "", *files: str) -> dict[str, str]:
    told = f'{PROJECT}[build-system]\nbuild-backend = "{BACKENDS[backend]}"\n{more}'
    return {"pyproject.toml": told, "README.md": "", **dict.fromkeys(files, "")}


@pytest.mark.parametrize(
    "files",
    [
        with_backend("poetry", "", "my_shop/main.py"),
        with_backend("poetry", "", "src/my_shop.py"),
        with_backend("poetry", '[tool.poetry]\npackages = [{include = "app"}]', "app/main.py"),
        with_backend("old poetry", "", "my_shop.py"),
        with_backend("hatchling", "", "my_shop/__init__.py"),
        with_backend("hatchling", "", "src/my_shop/__init__.py"),
        with_backend("hatchling", "", "acme/my_shop/__init__.py"),
        with_backend("hatchling", "", "my_shop.py"),
        with_backend("hatchling", '[tool.hatch.build.targets.wheel]\npackages = ["app"]'),
        with_backend("hatchling", '[tool.hatch.build]\ninclude = ["app"]'),
        with_backend("hatchling", '[tool.hatch.build.targets.wheel.force-include]\n"a" = "b"'),
        with_backend("setuptools", "", "src/anything/__init__.py"),
        with_backend("setuptools", "", "app/__init__.py", "tests/a.py", "docs/b.md", "manage.py"),
        with_backend("setuptools", "", "main.py", "setup.py", "conftest.py"),
        with_backend("setuptools", '[tool.setuptools]\npackages = ["a", "b"]', "a/x.py", "b/x.py"),
        with_backend("setuptools", "[tool.setuptools.packages.find]", "a/x.py", "b/x.py"),
        with_backend("flit", "", "My.Shop.py", "My/Shop.py"),
        with_backend("flit", '[tool.flit.module]\nname = "app"', "src/app/__init__.py"),
        with_backend("uv_build", "", "src/my_shop/__init__.py"),
        with_backend(
            "uv_build",
            '[tool.uv.build-backend]\nmodule-name = "app"\nmodule-root = ""',
            "app/__init__.py",
        ),
        with_backend("pdm", "", "app/__init__.py"),
        with_backend("pdm", "", "src/app/__init__.py"),
        with_backend("pdm", "", "main.py"),
        with_backend("maturin"),
        with_backend("scikit"),
        with_backend("unknown"),
        # A build system of its own knows best.
        with_backend("poetry", 'backend-path = ["."]'),
        {"setup.py": "from setuptools import setup\nsetup(packages=['a'])", "b/x.py": ""},
        {"setup.cfg": "[metadata]\nname = shop\n[options]\npackages = find:\n", "b/x.py": ""},
        {"pyproject.toml": PROJECT + "[tool.uv]\npackage = true\n"},
    ],
)
def test_project_is_built_where_its_build_system_finds_something(files: dict[str, str]) -> None:
    assert reason(files) == ""


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"main.py": ""}, "there is neither a [project] in a pyproject.toml nor a setup.py"),
        ({"pyproject.toml": PROJECT, "app/a.py": ""}, "pyproject.toml has no [build-system]"),
        (
            with_backend("poetry", "[tool.poetry]\npackage-mode = false", "my_shop/main.py"),
            "pyproject.toml says package-mode = false in [tool.poetry]",
        ),
        (
            with_backend("hatchling", "[tool.uv]\npackage = false", "my_shop/__init__.py"),
            "pyproject.toml says package = false in [tool.uv]",
        ),
        (
            with_backend("poetry", "", "app/main.py"),
            "[build-system] Poetry finds no package my_shop in the source",
        ),
        (
            with_backend("hatchling", "", "app/__init__.py", "my_shop/main.py"),
            "[build-system] hatchling finds no package my_shop in the source",
        ),
        (
            with_backend("hatchling", "", "a/my_shop/__init__.py", "b/my_shop/__init__.py"),
            "[build-system] hatchling finds no package my_shop in the source",
        ),
        (
            with_backend("setuptools", "", "app/main.py", "alembic/env.py", "tests/a.py"),
            "[build-system] setuptools finds more than one package in the source (alembic, app), "
            "and builds none",
        ),
        (
            with_backend("setuptools", "", "main.py", "settings.py"),
            "[build-system] setuptools finds more than one package in the source (main, "
            "settings), and builds none",
        ),
        (
            with_backend("setuptools", "", "tests/a.py"),
            "[build-system] setuptools finds no package in the source",
        ),
        (
            with_backend("flit", "", "app/__init__.py"),
            "[build-system] flit finds no package My/Shop in the source",
        ),
        (
            with_backend("uv_build", "", "my_shop/__init__.py"),
            "[build-system] uv_build finds no package src/my_shop in the source",
        ),
        (
            with_backend("pdm", "", "app/main.py"),
            "[build-system] pdm-backend finds no package in the source",
        ),
    ],
)
def test_project_is_served_where_its_build_system_finds_nothing(
    files: dict[str, str], told: str
) -> None:
    assert reason(files) == told


def test_empty_folder_counts_for_setuptools() -> None:
    files = with_backend("setuptools", "", "app/main.py")
    tree = Tree(files, frozenset(files), folders=frozenset({"uploads"}))
    assert "(app, uploads)" in is_built(read_project(tree, ""), "auto", "", "", "app_")


def test_lock_says_whether_the_project_is_virtual() -> None:
    files = with_backend("hatchling", "", "my_shop/__init__.py")
    lock = '[[package]]\nname = "my-shop"\nsource = { %s = "." }\n'
    assert reason(files, lock=lock % "virtual") == "uv.lock has the project as a virtual one"
    assert reason(files, lock=lock % "editable") == ""
    # Another member of the workspace may be virtual.
    assert reason(files, lock=lock % "virtual", lock_folder="other") == ""


def test_user_decides() -> None:
    found, nothing = with_backend("poetry", "", "my_shop.py"), with_backend("poetry")
    assert reason(found, "false") == "app_package is false"
    assert reason(nothing, "true") == ""


@pytest.mark.parametrize(
    ("files", "told"),
    [
        (
            {"pyproject.toml": "[tool.poetry]\npackage-mode = false\n"},
            "pyproject.toml says package-mode = false in [tool.poetry]",
        ),
        (
            {"requirements.txt": ""},
            "there is neither a [project] in a pyproject.toml nor a setup.py",
        ),
    ],
)
def test_what_cannot_be_built_is_refused_when_asked_for(files: dict[str, str], told: str) -> None:
    with pytest.raises(SourceError) as error:
        reason(files, "true")
    assert str(error.value) == (
        f"app_package is true; expected a project that can be built, but {told}; set app_package "
        "to auto, or change the project"
    )
