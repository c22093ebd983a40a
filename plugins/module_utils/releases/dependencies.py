"""What is installed into a virtual environment: dependencies, server packages, the project."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Sequence

from ansible_collections.asgi.fleet.plugins.module_utils.host.files import read_text, write_file
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.locks import (
    DEPENDENCY_FILES,
    dependency_file_of,
    has_hashes,
    without_hashes,
)
from ansible_collections.asgi.fleet.plugins.module_utils.releases import hashes
from ansible_collections.asgi.fleet.plugins.module_utils.releases.installed import (
    installed,
    normal,
)
from ansible_collections.asgi.fleet.plugins.module_utils.releases.recipe import (
    BuildError,
    Recipe,
)
from ansible_collections.asgi.fleet.plugins.module_utils.releases.workshop import (
    index_environment,
    run_confined,
    wheel,
)

#: What to do about a build requirement that is not in the shipped lock, or not in this version.
BUILD_ADVICE = (
    "What it takes to build a package (build-system.requires) needs hashes as well: "
    "build-requirements.in of the role python_release names what has them; for others put "
    "build-constraint-dependencies with hashes into [tool.uv] of pyproject.toml"
)


def is_hashed(recipe: Recipe, used: str) -> bool:
    """Return whether the application's lock has a hash for all that it names.

    Raises:
        BuildError: It has not, and must.
    """
    hashed = bool(used) and has_hashes(used, recipe.texts[used])
    if recipe.require_hashes and not hashed:
        raise BuildError(without_hashes(recipe.kind, used))
    return hashed


def install_dependencies(recipe: Recipe, used: str) -> None:
    """Install the dependencies; also the application itself where that is the same step."""
    if recipe.kind in ("wheel", "package"):
        _pip(recipe, ["install", recipe.package if recipe.kind == "package" else wheel(recipe)])
        return
    source = recipe.inside("src")
    if used == "uv.lock":
        _sync(recipe)
    elif used == "pyproject.toml" and is_package(recipe):
        _pip(recipe, ["install", source])
    elif used:
        command = ["install", "--requirements", os.path.join(source, used)]
        if is_hashed(recipe, used):
            command += hashes.runtime_options(used, recipe.texts[used])
            problem = (
                f"the dependencies cannot be installed from {used}, which has hashes: each package "
                f"that is downloaded needs one there. {BUILD_ADVICE}"
            )
            _build(recipe, command, problem)
        else:
            _pip(recipe, command)


def _sync(recipe: Recipe) -> None:
    """Install what uv.lock names, but for the project itself."""
    project = ["--project", recipe.inside("src"), "--python", recipe.venv_python]
    command = [recipe.uv, "sync", "--locked", "--no-dev", "--no-editable", "--compile-bytecode"]
    # The venv's own interpreter: uv would otherwise look for one again, and may replace it.
    command += ["--no-install-project", *project]
    problem = "the dependencies cannot be installed from uv.lock"
    if not is_hashed(recipe, "uv.lock"):
        run_confined(recipe, command, problem)
        return
    # `uv sync` takes build constraints from the project alone: what must be built comes by pip.
    built = hashes.built_packages(recipe.texts["uv.lock"])
    command += [f"--no-install-package={name}" for name in built]
    command += hashes.BUILD_HASHES
    run_confined(recipe, command, f"{problem}. {BUILD_ADVICE}")
    if built:
        export = [recipe.uv, "export", "--locked", "--no-dev", "--no-editable", "--no-annotate"]
        export += ["--no-header", "--no-emit-project", *project]
        named = hashes.only(run_confined(recipe, export, problem, answers=True), built)
        with _given(recipe, "built.txt", named) as file:
            command = ["install", "--no-deps", "--requirements", file]
            _build(recipe, command, f"{problem}. {BUILD_ADVICE}")


def is_installed_apart(recipe: Recipe, used: str, *, reused: bool) -> bool:
    """Return whether the project is a package that does not come with its dependencies."""
    if recipe.kind != "tree" or (used in ("", "pyproject.toml") and not reused):
        return False
    return is_installed_by_lock(recipe) if used == "uv.lock" else is_package(recipe)


def install_project(recipe: Recipe, used: str) -> None:
    """Install the project itself, without its dependencies."""
    command = ["install", "--no-deps", "--reinstall", recipe.inside("src")]
    if is_hashed(recipe, used):
        problem = f"the project cannot be built with hashes, which {used} has. {BUILD_ADVICE}"
        _build(recipe, command, problem)
    else:
        _pip(recipe, command)


def read_texts(recipe: Recipe) -> dict[str, str]:
    """Return the texts of the source's dependency files, by name.

    They are read before anything of the source runs, which could replace them.
    """
    paths = {name: recipe.inside("src", name) for name in DEPENDENCY_FILES}
    return {name: read_text(path) for name, path in paths.items() if os.path.isfile(path)}


def dependency_file(recipe: Recipe) -> str:
    """Return the file in the source that names the dependencies, or an empty string.

    Raises:
        BuildError: the wanted file is not there.
    """
    present = [name for name in DEPENDENCY_FILES if name in recipe.texts]
    used = dependency_file_of(present, recipe.dependencies)
    if not used and recipe.dependencies != "auto":
        raise BuildError(
            f"python_release_dependencies is {recipe.dependencies}; the source has "
            f"{', '.join(present) or 'none of ' + ', '.join(DEPENDENCY_FILES)}; "
            "use auto or add the file"
        )
    return used


def is_installed_by_lock(recipe: Recipe) -> bool:
    """Tell whether uv.lock installs the project itself: its source is then no virtual one.

    `tool.uv.package` decides there, whatever the build system (uv's concepts, "Projects").
    """
    return (
        re.search(r'source = \{ (editable|directory) = "\."', recipe.texts["uv.lock"]) is not None
    )


def is_package(recipe: Recipe) -> bool:
    """Tell whether the source's pyproject.toml has a build system, so that it can be installed."""
    text = recipe.texts.get("pyproject.toml", "")
    return re.search(r"^\[build-system\]", text, re.MULTILINE) is not None


def add_server_packages(recipe: Recipe) -> bool:
    """Add Gunicorn and its like, but never over versions that the application chose itself.

    Returns:
        Whether all that was added has its hash in the lock of the server packages.

    Raises:
        BuildError: They do not fit the application's versions, or have no hashes but need them.
    """
    own = installed(recipe.inside(".venv"))
    missing = [p for p in recipe.server_packages if normal(_name(p)) not in own]
    if not missing:
        return True
    problem = (
        f"{', '.join(missing)} (python_release_server_packages) cannot be added to the versions "
        "that the application brings"
    )
    if not hashes.covers(recipe.server_lock, missing):
        if recipe.require_hashes:
            raise BuildError(
                "python_release_require_hashes is true; python_release_server_lock has no "
                f"{', '.join(missing)} (python_release_server_packages); set it to a file on the "
                "controller that has them, made by uv pip compile --universal --generate-hashes"
            )
        with _given(recipe, "constraints.txt", hashes.constraints("", own)) as file:
            _pip(recipe, ["install", "--constraints", file, *missing], problem)
        return False
    # Which of the lock's packages are missing, uv tells; with --require-hashes it would ask for
    # hashes of the application's own as well. Wheels alone: to ask must not build anything.
    wheels = ["--no-build", "--output-format", "json", "--dry-run"]
    with _given(recipe, "constraints.txt", hashes.constraints(recipe.server_lock, own)) as file:
        command = ["install", *wheels, "--constraints", file, *missing]
        answer = _pip(recipe, command, problem, answers=True)
    with _given(recipe, "server.txt", hashes.selected(recipe.server_lock, answer)) as file:
        command = ["install", "--no-deps", "--no-build", "--require-hashes", "--requirements", file]
        _pip(recipe, command, "the server packages cannot be installed with their hashes")
    return True


def _name(requirement: str) -> str:
    """Return the distribution's name in a requirement (PEP 508)."""
    return re.split(r"[\[=<>!~@; ]", requirement)[0]


@contextlib.contextmanager
def _given(recipe: Recipe, name: str, text: str) -> Iterator[str]:
    """Write a file for uv, and remove it at the end.

    Not in the release's folder, where the build may have left a link to somewhere else.
    """
    path = f"{recipe.path}.{name}"
    write_file(path, text, 0o644)
    try:
        yield path
    finally:
        os.unlink(path)


def _build(recipe: Recipe, arguments: Sequence[str], problem: str) -> None:
    """Install something for which uv may have to build, with hashes of all that builds."""
    with _given(recipe, "build-constraints.txt", recipe.build_lock) as file:
        options = hashes.build_options(recipe.texts.get("pyproject.toml", ""), file)
        _pip(recipe, [*arguments, *options], problem)


def _pip(
    recipe: Recipe,
    arguments: Sequence[str],
    problem: str = "the dependencies cannot be installed",
    *,
    answers: bool = False,
) -> str:
    command = [recipe.uv, "pip", arguments[0], "--python", recipe.venv_python, "--compile-bytecode"]
    command += arguments[1:]
    return run_confined(recipe, command, problem, index_environment(recipe), answers=answers)
