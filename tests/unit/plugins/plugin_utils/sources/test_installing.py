"""How a project is installed: small trees, one of each kind that projects have."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.installation import Installation
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.entries import SourceError
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.installing import (
    Origin,
    Wishes,
    plan,
    refuse_wishes,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.tree import Tree

PROJECT = '[project]\nname = "shop"\nversion = "1"\ndependencies = ["fastapi"]\n'
EXTRAS = PROJECT + (
    '[project.optional-dependencies]\nserver = ["psycopg"]\ntest = ["pytest"]\n'
    '[dependency-groups]\nprod = ["sentry-sdk"]\ndev = ["ruff"]\n'
)
WORKSPACE = {
    "pyproject.toml": '[tool.uv.workspace]\nmembers = ["backend", "libs/common"]\n',
    "uv.lock": 'version = 1\n[[package]]\nname = "backend"\nsource = { virtual = "backend" }\n',
    "backend/pyproject.toml": PROJECT.replace("shop", "backend"),
    "libs/common/pyproject.toml": PROJECT.replace("shop", "common"),
}


def planned(
    files: dict[str, str],
    folder: str = "",
    *,
    described: str = "",
    **wishes: Any,  # noqa: ANN401
) -> Installation:
    asked = Wishes(**wishes)
    return plan(Tree.of(files), folder, asked, Origin("path", described))


def refused(files: dict[str, str], folder: str = "", **wishes: Any) -> str:  # noqa: ANN401
    with pytest.raises(SourceError) as error:
        planned(files, folder, **wishes)
    return str(error.value)


def test_poetry_without_package_serves_its_source() -> None:
    pyproject = (
        '[tool.poetry]\npackage-mode = false\n[tool.poetry.dependencies]\npython = "^3.10"\n'
        '[build-system]\nrequires = ["poetry-core"]\nbuild-backend = "poetry.core.masonry.api"\n'
    )
    found = planned({"pyproject.toml": pyproject, "requirements.txt": "fastapi\n"})
    assert (found.file, found.package, found.notes) == ("requirements.txt", False, ())


@pytest.mark.parametrize("depends", ["[tool.uv.sources]\ncommon = { workspace = true }\n", ""])
def test_member_of_a_workspace_is_installed_from_the_lock_of_the_root(depends: str) -> None:
    files = WORKSPACE | {"backend/pyproject.toml": WORKSPACE["backend/pyproject.toml"] + depends}
    found = planned(files, "backend")
    assert (found.file, found.name, found.package) == ("uv.lock", "backend", False)


def test_lock_of_a_member_itself_is_not_used() -> None:
    found = planned(WORKSPACE | {"backend/uv.lock": "", "backend/requirements.txt": ""}, "backend")
    assert found.file == "uv.lock"
    assert found.notes == tuple(
        f"{name} is not used: ../uv.lock is more exact; app_dependencies: {{file: {name}}} takes it"
        for name in ("uv.lock", "requirements.txt")
    )


def test_workspace_without_a_lock_says_so() -> None:
    files = {path: text for path, text in WORKSPACE.items() if path != "uv.lock"}
    found = planned(files, "backend")
    assert found.file == "backend/pyproject.toml"
    assert found.notes == (
        "the uv workspace has no uv.lock: the newest versions that fit are installed; run uv lock "
        "and commit the file",
    )


def test_folder_without_dependencies_of_its_own_has_those_above() -> None:
    found = planned({"requirements.txt": "fastapi\n", "src/api/main.py": ""}, "src/api")
    assert (found.file, found.package) == ("requirements.txt", False)
    assert found.notes == (
        "requirements.txt names the dependencies: src/api has no such file of its own",
    )


SPLIT = {
    "requirements/base.txt": "django\n",
    "requirements/production.txt": "-r base.txt\n",
    "requirements/test.txt": "pytest\n",
    "docs/requirements.txt": "sphinx\n",
    "config/asgi.py": "",
}


def test_requirements_in_a_folder_are_refused_with_the_line_to_write() -> None:
    assert refused(SPLIT) == (
        "app_dependencies.file is auto; the source has requirements/production.txt, "
        "requirements/base.txt, requirements/test.txt, but none of uv.lock, pylock.toml, "
        "poetry.lock, pdm.lock, Pipfile.lock, requirements.txt, pyproject.toml, setup.py, "
        "setup.cfg; set app_dependencies: {file: requirements/production.txt}, or "
        "app_dependencies: {file: none} to install none"
    )


def test_requirements_in_a_folder_are_taken_by_name() -> None:
    assert planned(SPLIT, file="requirements/production.txt").file == "requirements/production.txt"
    assert planned(SPLIT, file="none").file == ""
    below = {f"api/{path}": text for path, text in SPLIT.items()}
    assert planned(below, "api", file="requirements/base.txt").file == "api/requirements/base.txt"


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("requirements-prod.txt", "set app_dependencies: {file: requirements-prod.txt}"),
        ("prod_requirements.txt", "set app_dependencies: {file: prod_requirements.txt}"),
        ("pylock.prod.toml", "set app_dependencies: {file: pylock.prod.toml}"),
        (
            "requirements.in",
            "run uv pip compile requirements.in --output-file requirements.txt and commit the file",
        ),
        ("Pipfile", "run pipenv lock and commit Pipfile.lock"),
        ("environment.yml", "list what it takes from PyPI in a requirements.txt, since uv"),
        ("pixi.toml", "list what it takes from PyPI in a requirements.txt, since uv"),
    ],
)
def test_other_files_that_name_dependencies_are_refused(name: str, advice: str) -> None:
    message = refused({name: "", "main.py": ""})
    assert f"the source has {name}, but none of uv.lock, " in message
    assert advice in message


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("requirements.lock", "set app_dependencies: {file: requirements.lock} to install what it"),
        ("pylock.prod.toml", "set app_dependencies: {file: pylock.prod.toml} to install what it"),
        ("conda-lock.yml", "list what it takes from PyPI in a requirements.txt"),
    ],
)
def test_lock_that_is_not_read_by_itself_is_not_passed_over(name: str, advice: str) -> None:
    told = refused({"pyproject.toml": PROJECT, name: ""})
    assert told.startswith(f"app_dependencies.file is auto; the source has {name}, which is not ")
    assert advice in told
    assert "or app_dependencies: {file: pyproject.toml} for the newest versions" in told
    assert planned({"pyproject.toml": PROJECT, name: ""}, file="pyproject.toml").file


def test_requirements_beside_a_project_that_names_its_own_are_named() -> None:
    files = {"pyproject.toml": PROJECT, "requirements/prod.txt": "", "requirements-dev.txt": ""}
    assert planned(files).notes == (
        "requirements/prod.txt is not used: pyproject.toml names the dependencies; "
        "app_dependencies: {file: requirements/prod.txt} takes it",
    )
    assert planned({"pyproject.toml": PROJECT, "requirements-dev.txt": ""}).notes == ()


def test_dependencies_of_a_script_are_not_passed_over() -> None:
    script = '# /// script\n# dependencies = [\n#   "fastapi",\n# ]\n# ///\n'
    assert refused({"main.py": script}).startswith(
        "app_dependencies.file is auto; main.py names its dependencies in a block for uv run"
    )
    assert planned({"main.py": script}, file="none").file == ""
    assert planned({"main.py": script, "requirements.txt": ""}).file == "requirements.txt"


def test_source_without_any_such_file_has_the_server_packages_alone() -> None:
    found = planned({"main.py": "", "pyproject.toml": "[tool.ruff]\n", "setup.cfg": "[flake8]\n"})
    assert (found.file, found.package) == ("", False)
    assert found.notes == (
        "the source has no file that names its dependencies, so that only "
        "python_release_server_packages are installed",
    )


@pytest.mark.parametrize(
    ("files", "used", "unused"),
    [
        (("uv.lock", "pylock.toml", "requirements.txt"), "uv.lock", 2),
        (("pylock.toml", "requirements.txt"), "pylock.toml", 1),
        (("requirements.txt",), "requirements.txt", 1),
        ((), "pyproject.toml", 0),
    ],
)
def test_most_exact_file_is_used_and_the_others_are_named(
    files: tuple[str, ...], used: str, unused: int
) -> None:
    found = planned({"pyproject.toml": PROJECT, **dict.fromkeys(files, "")})
    assert found.file == used
    assert len(found.notes) == unused
    assert all(f"is not used: {used} is more exact" in note for note in found.notes)


def test_requirements_compiled_from_the_project_need_no_note() -> None:
    text = "# This file is autogenerated by pip-compile\n#    pip-compile pyproject.toml\nfastapi\n"
    assert planned({"pyproject.toml": PROJECT, "requirements.txt": text}).notes == ()


def test_setup_script_is_installed_as_a_project() -> None:
    files = {"setup.py": "from setuptools import setup\nsetup()", "setup.cfg": "[options]\n"}
    found = planned(files)
    assert (found.file, found.package) == ("setup.py", True)
    assert refused(files, package="false").startswith("app_package is false; setup.py tells its ")
    assert planned({"setup.cfg": "[metadata]\nname = shop\n"}).file == "setup.cfg"


def test_extras_and_groups_are_installed_by_name() -> None:
    files = {"pyproject.toml": EXTRAS, "uv.lock": ""}
    found = planned(files, extras=["server"], groups=["prod"])
    assert (found.extras, found.groups, found.notes) == (("server",), ("prod",), ())
    assert planned(files).notes == (
        "the extras server of pyproject.toml are not installed; app_dependencies: {extras: "
        "[server]} installs them",
        "the groups prod of pyproject.toml are not installed; app_dependencies: {groups: [prod]} "
        "installs them",
    )


def test_groups_that_uv_installs_by_default_are_installed() -> None:
    text = f'{EXTRAS}[tool.uv]\ndefault-groups = ["dev", "prod"]\n'
    assert planned({"pyproject.toml": text, "uv.lock": ""}).groups == ("prod",)


@pytest.mark.parametrize(
    ("files", "wishes", "message"),
    [
        (
            {"pyproject.toml": EXTRAS},
            {"extras": ["servr"]},
            "app_dependencies.extras is [servr]; pyproject.toml has the extras server, test; "
            "remove servr, or add it",
        ),
        (
            {"pyproject.toml": PROJECT, "uv.lock": ""},
            {"groups": ["prod"]},
            "app_dependencies.groups is [prod]; pyproject.toml has no groups; remove prod, or add "
            "it",
        ),
        (
            {"requirements.txt": "fastapi"},
            {"extras": ["server"]},
            "app_dependencies.extras is [server], but requirements.txt has no extras; set "
            "app_dependencies.file to a lock or pyproject.toml, or remove extras",
        ),
        (
            {"pyproject.toml": PROJECT},
            {"groups": ["prod"], "file": "none"},
            "app_dependencies.groups is [prod], but nothing is installed; set "
            "app_dependencies.file to a lock or pyproject.toml, or remove groups",
        ),
        (
            {"pylock.toml": 'extras = ["a"]\ndependency-groups = []\n'},
            {"groups": ["b"]},
            "app_dependencies.groups is [b]; pylock.toml has no groups; remove b, or add it",
        ),
    ],
)
def test_extras_and_groups_that_are_not_there_are_refused(
    files: dict[str, str], wishes: dict[str, Any], message: str
) -> None:
    assert refused(files, **wishes) == message


@pytest.mark.parametrize(
    ("files", "wanted", "message"),
    [
        (
            {"requirements.txt": "", "requirements/prod.txt": ""},
            "requirements/production.txt",
            "app_dependencies.file is requirements/production.txt; the source has "
            "requirements.txt, requirements/prod.txt; name one of them, by its path from the "
            "project's folder",
        ),
        (
            {"main.py": ""},
            "uv.lock",
            "app_dependencies.file is uv.lock; the source has no such file; name one of them, by "
            "its path from the project's folder",
        ),
        (
            {"environment.yml": ""},
            "environment.yml",
            "app_dependencies.file is environment.yml; expected a lock file (uv.lock, pylock.toml, "
            "poetry.lock, pdm.lock or Pipfile.lock), a requirements file (.txt) or "
            "pyproject.toml; list what it takes from PyPI in a requirements.txt, since uv installs "
            "nothing from conda",
        ),
    ],
)
def test_file_that_cannot_be_used_is_refused(
    files: dict[str, str], wanted: str, message: str
) -> None:
    assert refused(files, file=wanted) == message


def test_file_above_the_project_can_be_named() -> None:
    files = {"requirements.txt": "", "api/requirements.txt": "", "api/main.py": ""}
    assert planned(files, "api", file="../requirements.txt").file == "requirements.txt"
    assert planned(WORKSPACE, "backend", file="../uv.lock").name == "backend"


def test_pyproject_that_is_no_toml_is_refused() -> None:
    assert refused({"pyproject.toml": "name = = 1"}).startswith(
        "the source's pyproject.toml is not valid TOML: "
    )


def test_dependencies_of_poetry_without_its_lock_are_refused() -> None:
    text = '[tool.poetry]\npackage-mode = false\n[tool.poetry.dependencies]\nfastapi = "*"\n'
    assert refused({"pyproject.toml": text}) == (
        "the dependencies are in [tool.poetry] of pyproject.toml, which only Poetry reads, and "
        "there is no poetry.lock; run poetry lock and commit the file"
    )


FLAT = PROJECT + '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'


def test_application_that_is_the_folder_is_served_and_that_is_said() -> None:
    found = planned({"pyproject.toml": FLAT, "app/main.py": "", "uv.lock": ""})
    assert not found.package
    assert found.notes == (
        "[build-system] hatchling finds no package shop in the source: the project is not built, "
        "its source is served as it is",
    )
    assert planned({"pyproject.toml": FLAT, "shop/__init__.py": "", "uv.lock": ""}).package


def test_module_in_src_needs_a_build() -> None:
    files = {"requirements.txt": "", "src/shop/main.py": ""}
    assert planned(files, module="shop.main:app").notes == (
        "shop of app_module is in src/, from where Python imports it only if the project is "
        "built; app_package: true builds it, or set app_module: src.shop.main:app",
    )
    assert planned(files, module="src.shop.main:app").notes == ()


@pytest.mark.parametrize(
    ("files", "python", "told"),
    [
        ({".python-version": "3.14\n"}, "3.14", ""),
        ({".python-version": "3.14.1\n"}, "", ".python-version names Python 3.14: a host takes"),
        ({"runtime.txt": "python-3.11.4\n"}, "", "runtime.txt names Python 3.11: a host takes"),
        ({".python-version": "3.12"}, "3.13", ".python-version names Python 3.12, and app_python"),
        (
            {"Pipfile": '[requires]\npython_version = "3.11"'},
            "",
            "Pipfile names Python 3.11: a host",
        ),
        ({}, "3.13", ""),
        ({"pyproject.toml": f'{PROJECT}requires-python = ">=3.12"'}, "", ""),
        (
            {"pyproject.toml": f'{PROJECT}requires-python = ">=3.14"'},
            "",
            'pyproject.toml requires Python >=3.14: app_python: "3.14" gives it',
        ),
        ({"pyproject.toml": f'{PROJECT}requires-python = ">=3.12.4"'}, "3.12", ""),
    ],
)
def test_python_of_the_project_is_told(files: dict[str, str], python: str, told: str) -> None:
    notes = planned({"requirements.txt": "", **files}, python=python, file="requirements.txt").notes
    assert [note for note in notes if told and note.startswith(told)] == list(notes)
    assert bool(notes) == bool(told)


@pytest.mark.parametrize(
    ("pyproject", "needed"),
    [
        (f'{PROJECT}requires-python = ">=3.14,<4.0"', ">=3.14,<4.0"),
        ('[tool.poetry.dependencies]\npython = "^3.14"', ">=3.14,<4"),
        ('[tool.poetry.dependencies]\npython = "~3.14"', ">=3.14,<3.15"),
    ],
)
def test_python_that_does_not_fit_is_refused(pyproject: str, needed: str) -> None:
    files = {"pyproject.toml": pyproject, "requirements.txt": ""}
    assert refused(files, python="3.13") == (
        f"app_python is 3.13; pyproject.toml requires Python {needed}; set app_python to a version "
        "that fits"
    )


def test_files_that_say_how_to_run_are_named() -> None:
    files = {"requirements.txt": "", "alembic.ini": "", "fly.toml": "", "Procfile": ""}
    assert planned(files).notes == (
        "Procfile, fly.toml: not read; app_module, app_workers, app_env and app_hooks say how the "
        "application runs",
        "alembic.ini is there, and no hook runs it; app_hooks: {before_rollout: [alembic upgrade "
        "head]} migrates the database with each release",
    )
    assert len(planned(files, commands=["alembic upgrade head"]).notes) == 1
    script = {**files, "scripts/prestart.sh": "set -e\nalembic upgrade head\n"}
    assert len(planned(script, commands=["bash ./scripts/prestart.sh"]).notes) == 1
    assert len(planned(script, commands=["bash scripts/other.sh"]).notes) == 2


def test_version_from_git_is_told_to_the_build() -> None:
    scm = (
        FLAT.replace('version = "1"', 'dynamic = ["version"]')
        + '[tool.hatch.version]\nsource = "vcs"\n'
    )
    files = {"pyproject.toml": scm, "requirements.txt": "", "shop/__init__.py": ""}
    environment = planned(files, described="v1.4.0-0-gabc1234").build_environment
    assert environment["SETUPTOOLS_SCM_PRETEND_VERSION"] == "1.4.0"
    assert "use app_source type git" in refused(files)
    # What is not built needs no version.
    assert planned(files, package="false").build_environment == {}


def test_version_of_another_member_is_told_as_well() -> None:
    common = (
        '[project]\nname = "common"\ndynamic = ["version"]\n[build-system]\n'
        'build-backend = "hatchling.build"\n[tool.hatch.version]\nsource = "vcs"\n'
    )
    lock = (
        WORKSPACE["uv.lock"]
        + '[[package]]\nname = "common"\nsource = { editable = "libs/common" }\n'
    )
    files = WORKSPACE | {"libs/common/pyproject.toml": common, "uv.lock": lock}
    environment = planned(files, "backend", described="v2-0-gabc1234").build_environment
    assert environment["SETUPTOOLS_SCM_PRETEND_VERSION_FOR_COMMON"] == "2"


@pytest.mark.parametrize(
    ("wishes", "message"),
    [
        (
            Wishes(extras=["server"]),
            "app_dependencies.extras is set, and app_source is a package, which is installed as it "
            "is; put extras into app_source.extras",
        ),
        (
            Wishes(package="false"),
            "app_package is set, and app_source is a package, which is installed as it is; put "
            "extras into app_source.extras",
        ),
    ],
)
def test_wishes_for_a_package_are_refused(wishes: Wishes, message: str) -> None:
    with pytest.raises(SourceError) as error:
        refuse_wishes("package", wishes)
    assert str(error.value) == message
    refuse_wishes("package", Wishes())
