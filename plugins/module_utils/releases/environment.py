"""The virtual environment of a release: made by uv, or copied from a release with the same lock."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from ansible_collections.asgi.fleet.plugins.module_utils.releases.recipe import (
    BuildError,
    Recipe,
    interpreter_version,
    run,
)
from ansible_collections.asgi.fleet.plugins.module_utils.releases.reuse import environment_key

#: Files that name the dependencies, the most exact first.
DEPENDENCY_FILES = ("uv.lock", "pylock.toml", "requirements.txt", "pyproject.toml")
#: Certificate authorities that the host trusts, from the package ca-certificates.
TRUST_STORE = "/etc/ssl/certs/ca-certificates.crt"


def create_venv(recipe: Recipe) -> None:
    """Create the venv where it will stay, with the wanted interpreter.

    Raises:
        BuildError: the interpreter is neither on the host nor to be had.
    """
    wanted = recipe.python or "/usr/bin/python3"
    command = [recipe.uv, "venv", "--no-project", "--relocatable", "--python", wanted]
    command.append(recipe.inside(".venv"))
    try:
        _uv(recipe, command, "")
    except BuildError as error:
        raise BuildError(
            f"{recipe.prefix}python is {recipe.python or 'empty'}; this host has "
            f"{interpreter_version('/usr/bin/python3')} as python3, and the wanted one cannot be "
            f"had; install python{recipe.python} on the host, set "
            "python_release_python_mirror to a mirror of "
            f"uv's Python builds that it reaches, or choose another {recipe.prefix}python:\n{error}"
        ) from None


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
    run(
        ["cp", "--archive", "--reflink=auto", venv, recipe.inside(".venv")],
        f"the virtual environment of {release} cannot be copied",
        cwd=recipe.path,
    )


def install_dependencies(recipe: Recipe, used: str) -> None:
    """Install the dependencies; also the application itself where that is the same step."""
    if recipe.kind in ("wheel", "package"):
        _pip(recipe, ["install", recipe.package if recipe.kind == "package" else recipe.archive])
        return
    source = recipe.inside("src")
    if used == "uv.lock":
        command = [recipe.uv, "sync", "--locked", "--no-dev", "--no-editable", "--compile-bytecode"]
        # The venv's own interpreter: uv would otherwise look for one again, and may replace it.
        command += ["--project", source, "--python", recipe.venv_python]
        _uv(recipe, command, "the dependencies cannot be installed from uv.lock")
    elif used == "pyproject.toml" and is_package(source):
        _pip(recipe, ["install", source])
    elif used:
        _pip(recipe, ["install", "--requirements", os.path.join(source, used)])


def install_project(recipe: Recipe, used: str, *, reused: bool) -> None:
    """Install the project itself where it is a package and did not come with its dependencies."""
    source = recipe.inside("src")
    along = used in ("", "uv.lock", "pyproject.toml") and not reused
    packaged = is_installed_by_lock(source) if used == "uv.lock" else is_package(source)
    if recipe.kind == "tree" and not along and packaged:
        _pip(recipe, ["install", "--no-deps", "--reinstall", source])


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
    freeze = _uv(recipe, [recipe.uv, "pip", "freeze", "--python", recipe.venv_python], "")
    pinned = [line for line in freeze.splitlines() if re.match(r"[A-Za-z0-9._-]+==", line)]
    # A package from a URL or a file is listed as `name @ url`; the application chose it as well.
    own = {_normal(re.split(r"==| @ ", line)[0]) for line in freeze.splitlines()}
    missing = [p for p in recipe.server_packages if _normal(_name(p)) not in own]
    if not missing:
        return
    constraints = recipe.inside("constraints.txt")
    with open(constraints, "w", encoding="utf-8") as file:
        file.write("\n".join(pinned) + "\n")
    _pip(recipe, ["install", "--constraints", constraints, *missing])
    os.unlink(constraints)


def _name(requirement: str) -> str:
    """Return the distribution's name in a requirement (PEP 508)."""
    return re.split(r"[\[=<>!~@; ]", requirement)[0]


def _normal(name: str) -> str:
    """Return a distribution's normalised name (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _pip(recipe: Recipe, arguments: Sequence[str]) -> str:
    command = [recipe.uv, "pip", arguments[0], "--python", recipe.venv_python, "--compile-bytecode"]
    for option, value in (("--index", recipe.index), ("--find-links", recipe.find_links)):
        if value:
            command += [option, value]
    return _uv(recipe, [*command, *arguments[1:]], "the dependencies cannot be installed")


def _uv(recipe: Recipe, command: Sequence[str], problem: str) -> str:
    environment = {
        # uv brings its own authorities; those of a company's package index are in the host's store.
        **({"UV_SYSTEM_CERTS": "true"} if os.path.exists(TRUST_STORE) else {}),
        **os.environ,
        "UV_CACHE_DIR": recipe.cache,
        # A venv whose files are links into the cache would change with it.
        "UV_LINK_MODE": "copy",
        "UV_NO_PROGRESS": "1",
        "UV_PROJECT_ENVIRONMENT": recipe.inside(".venv"),
        # The service could not read them under /root.
        "UV_PYTHON_INSTALL_DIR": recipe.pythons,
        **recipe.uv_environment,
    }
    if recipe.python_mirror:
        environment["UV_PYTHON_INSTALL_MIRROR"] = recipe.python_mirror
    # In the source: relative paths of a requirements.txt start there.
    return run(command, problem, cwd=recipe.inside("src"), environment=environment)
