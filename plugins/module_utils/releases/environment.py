"""The virtual environment of a release: made by uv, or copied from a release with the same lock."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence

from ansible_collections.asgi.fleet.plugins.module_utils.host.confined import PATH
from ansible_collections.asgi.fleet.plugins.module_utils.host.files import write_file
from ansible_collections.asgi.fleet.plugins.module_utils.releases.installed import (
    installed,
    normal,
)
from ansible_collections.asgi.fleet.plugins.module_utils.releases.recipe import (
    BuildError,
    Recipe,
    interpreter_version,
    tail,
)
from ansible_collections.asgi.fleet.plugins.module_utils.releases.reuse import environment_key
from ansible_collections.asgi.fleet.plugins.module_utils.releases.workshop import (
    index_environment,
    run_confined,
    uv_environment,
    wheel,
)

#: Files that name the dependencies, the most exact first.
DEPENDENCY_FILES = ("uv.lock", "pylock.toml", "requirements.txt", "pyproject.toml")


def create_venv(recipe: Recipe) -> None:
    """Create the venv where it will stay, with the wanted interpreter.

    Raises:
        BuildError: the interpreter is neither on the host nor to be had.
    """
    command = [recipe.uv, "venv", "--no-project", "--relocatable", "--no-python-downloads"]
    command += ["--python", _interpreter(recipe), recipe.inside(".venv")]
    run_confined(recipe, command, "the virtual environment cannot be made")


def _interpreter(recipe: Recipe) -> str:
    """Return the path of the wanted interpreter, which uv installs if the host has none.

    All applications share these, so root installs them: a build could change them for all. uv has
    the digest of each.
    """
    if not recipe.python:
        return "/usr/bin/python3"
    found = _as_root(recipe, ["python", "find", "--no-project", "--system", recipe.python])
    if found.returncode != 0:
        installed_now = _as_root(recipe, ["python", "install", "--no-bin", recipe.python])
        found = _as_root(recipe, ["python", "find", "--no-project", "--system", recipe.python])
        if found.returncode != 0:
            told = tail(installed_now.stderr or found.stderr)
            raise BuildError(
                f"{recipe.prefix}python is {recipe.python}; this host has "
                f"{interpreter_version('/usr/bin/python3')} as python3, and the wanted one cannot "
                f"be had; install python{recipe.python} on the host, set "
                "python_release_python_mirror to a mirror of "
                f"uv's Python builds that it reaches, or choose another {recipe.prefix}python:\n"
                f"{told}"
            )
    return found.stdout.strip()


def _as_root(recipe: Recipe, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run uv as the user of this process, away from every project and virtual environment."""
    environment = {"PATH": PATH, "HOME": "/", **uv_environment(recipe, recipe.cache)}
    command = [recipe.uv, *arguments]
    return subprocess.run(
        command, cwd="/", env=environment, capture_output=True, text=True, check=False
    )


def release_key(recipe: Recipe, used: str) -> str:
    """Return a digest of all that decides what is installed; empty if a lock does not say."""
    ingredients = [
        os.path.realpath("/usr/bin/python3") if not recipe.python else recipe.python,
        recipe.python_mirror,
        list(recipe.server_packages),
        recipe.index,
        recipe.find_links,
        # Its values may be credentials, which must not be part of a digest.
        sorted(recipe.uv_environment),
        recipe.uv,
    ]
    return environment_key(recipe.inside("src"), used, ingredients)


def copy_venv(recipe: Recipe, release: str) -> None:
    """Copy the virtual environment of another release; it is relocatable, so the copy works.

    Times are kept: the byte code depends on them.
    """
    venv = os.path.join(os.path.dirname(recipe.path), release, ".venv")
    command = ["cp", "--archive", "--reflink=auto", venv, recipe.inside(".venv")]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise BuildError(
            f"the virtual environment of {release} cannot be copied; nothing live changed:\n"
            f"{tail(result.stderr)}"
        )


def install_dependencies(recipe: Recipe, used: str) -> None:
    """Install the dependencies; also the application itself where that is the same step."""
    if recipe.kind in ("wheel", "package"):
        _pip(recipe, ["install", recipe.package if recipe.kind == "package" else wheel(recipe)])
        return
    source = recipe.inside("src")
    if used == "uv.lock":
        command = [recipe.uv, "sync", "--locked", "--no-dev", "--no-editable", "--compile-bytecode"]
        # The venv's own interpreter: uv would otherwise look for one again, and may replace it.
        command += ["--project", source, "--python", recipe.venv_python]
        run_confined(recipe, command, "the dependencies cannot be installed from uv.lock")
    elif used == "pyproject.toml" and is_package(source):
        _pip(recipe, ["install", source])
    elif used:
        _pip(recipe, ["install", "--requirements", os.path.join(source, used)])


def is_installed_apart(recipe: Recipe, used: str, *, reused: bool) -> bool:
    """Return whether the project is a package that did not come with its dependencies."""
    source = recipe.inside("src")
    along = used in ("", "uv.lock", "pyproject.toml") and not reused
    if recipe.kind != "tree" or along:
        return False
    return is_installed_by_lock(source) if used == "uv.lock" else is_package(source)


def install_project(recipe: Recipe) -> None:
    """Install the project itself, without its dependencies."""
    _pip(recipe, ["install", "--no-deps", "--reinstall", recipe.inside("src")])


def dependency_file(recipe: Recipe) -> str:
    """Return the file in the source that names the dependencies, or an empty string.

    Raises:
        BuildError: the wanted file is not there.
    """
    source = recipe.inside("src")
    present = [name for name in DEPENDENCY_FILES if os.path.exists(os.path.join(source, name))]
    if recipe.dependencies == "auto":
        return present[0] if present else ""
    if recipe.dependencies not in present:
        raise BuildError(
            f"python_release_dependencies is {recipe.dependencies}; the source has "
            f"{', '.join(present) or 'none of ' + ', '.join(DEPENDENCY_FILES)}; "
            "use auto or add the file"
        )
    return recipe.dependencies


def is_installed_by_lock(source: str) -> bool:
    """Tell whether uv.lock installs the project itself: its source is then no virtual one.

    `tool.uv.package` decides there, whatever the build system (uv's concepts, "Projects").
    """
    with open(os.path.join(source, "uv.lock"), encoding="utf-8") as file:
        return re.search(r'source = \{ (editable|directory) = "\."', file.read()) is not None


def is_package(source: str) -> bool:
    """Tell whether the source's pyproject.toml has a build system, so that it can be installed."""
    try:
        with open(os.path.join(source, "pyproject.toml"), encoding="utf-8") as file:
            return re.search(r"^\[build-system\]", file.read(), re.MULTILINE) is not None
    except FileNotFoundError:
        return False


def add_server_packages(recipe: Recipe) -> None:
    """Add Gunicorn and its like, but never over versions that the application chose itself."""
    own = installed(recipe.inside(".venv"))
    missing = [p for p in recipe.server_packages if normal(_name(p)) not in own]
    if not missing:
        return
    # Not in the release's folder, where the build may have left a link to somewhere else.
    constraints = f"{recipe.path}.constraints"
    text = "".join(f"{name}=={version}\n" for name, version in own.items())
    write_file(constraints, text, 0o644)
    try:
        _pip(recipe, ["install", "--constraints", constraints, *missing])
    finally:
        os.unlink(constraints)


def _name(requirement: str) -> str:
    """Return the distribution's name in a requirement (PEP 508)."""
    return re.split(r"[\[=<>!~@; ]", requirement)[0]


def _pip(recipe: Recipe, arguments: Sequence[str]) -> None:
    command = [recipe.uv, "pip", arguments[0], "--python", recipe.venv_python, "--compile-bytecode"]
    run_confined(
        recipe,
        [*command, *arguments[1:]],
        "the dependencies cannot be installed",
        index_environment(recipe),
    )
