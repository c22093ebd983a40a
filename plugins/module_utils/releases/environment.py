"""The virtual environment of a release: made by uv, or copied from a release with the same lock."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Sequence

from ansible_collections.asgi.fleet.plugins.module_utils.host.files import write_file
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
    interpreter_version,
    run,
)
from ansible_collections.asgi.fleet.plugins.module_utils.releases.reuse import environment_key

#: Certificate authorities that the host trusts, from the package ca-certificates.
TRUST_STORE = "/etc/ssl/certs/ca-certificates.crt"
#: What to do about a build requirement that is not in the shipped lock, or not in this version.
BUILD_ADVICE = (
    "What it takes to build a package (build-system.requires) needs hashes as well: "
    "build-requirements.in of the role python_release names what has them; for others put "
    "build-constraint-dependencies with hashes into [tool.uv] of pyproject.toml"
)


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
        recipe.server_lock,
        recipe.build_lock,
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


def is_hashed(recipe: Recipe, used: str) -> bool:
    """Return whether the application's lock has a hash for all that it names.

    Raises:
        BuildError: It has not, and must.
    """
    hashed = bool(used) and has_hashes(used, _read(recipe, used))
    if recipe.require_hashes and not hashed:
        raise BuildError(without_hashes(recipe.kind, used))
    return hashed


def install_dependencies(recipe: Recipe, used: str) -> None:
    """Install the dependencies; also the application itself where that is the same step."""
    if recipe.kind in ("wheel", "package"):
        _pip(recipe, ["install", recipe.package if recipe.kind == "package" else recipe.archive])
        return
    source = recipe.inside("src")
    if used == "uv.lock":
        _sync(recipe)
    elif used == "pyproject.toml" and is_package(source):
        _pip(recipe, ["install", source])
    elif used:
        command = ["install", "--requirements", os.path.join(source, used)]
        if is_hashed(recipe, used):
            command += hashes.runtime_options(used, _read(recipe, used))
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
        _uv(recipe, command, problem)
        return
    # `uv sync` takes build constraints from the project alone: what must be built comes by pip.
    built = hashes.built_packages(_read(recipe, "uv.lock"))
    command += [f"--no-install-package={name}" for name in built]
    command += hashes.BUILD_HASHES
    _uv(recipe, command, f"{problem}. {BUILD_ADVICE}")
    if built:
        export = [recipe.uv, "export", "--locked", "--no-dev", "--no-editable", "--no-annotate"]
        export += ["--no-header", "--no-emit-project", *project]
        named = hashes.only(_uv(recipe, export, problem), built)
        with _given(recipe, "built.txt", named) as file:
            command = ["install", "--no-deps", "--requirements", file]
            _build(recipe, command, f"{problem}. {BUILD_ADVICE}")


def install_project(recipe: Recipe, used: str, *, reused: bool) -> None:
    """Install the project itself where it is a package and did not come with its dependencies."""
    source = recipe.inside("src")
    along = used in ("", "pyproject.toml") and not reused
    packaged = is_installed_by_lock(source) if used == "uv.lock" else is_package(source)
    if recipe.kind != "tree" or along or not packaged:
        return
    command = ["install", "--no-deps", "--reinstall", source]
    if is_hashed(recipe, used):
        problem = f"the project cannot be built with hashes, which {used} has. {BUILD_ADVICE}"
        _build(recipe, command, problem)
    else:
        _pip(recipe, command)


def dependency_file(recipe: Recipe) -> str:
    """Return the file in the source that names the dependencies, or an empty string.

    Raises:
        BuildError: the wanted file is not there.
    """
    source = recipe.inside("src")
    present = [name for name in DEPENDENCY_FILES if os.path.exists(os.path.join(source, name))]
    used = dependency_file_of(present, recipe.dependencies)
    if not used and recipe.dependencies != "auto":
        raise BuildError(
            f"python_release_dependencies is {recipe.dependencies}; the source has "
            f"{', '.join(present) or 'none of ' + ', '.join(DEPENDENCY_FILES)}; "
            "use auto or add the file"
        )
    return used


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
        answer = _pip(recipe, ["install", *wheels, "--constraints", file, *missing], problem)
    with _given(recipe, "server.txt", hashes.selected(recipe.server_lock, answer)) as file:
        command = ["install", "--no-deps", "--no-build", "--require-hashes", "--requirements", file]
        _pip(recipe, command, "the server packages cannot be installed with their hashes")
    return True


def _name(requirement: str) -> str:
    """Return the distribution's name in a requirement (PEP 508)."""
    return re.split(r"[\[=<>!~@; ]", requirement)[0]


def _read(recipe: Recipe, name: str) -> str:
    """Return the text of a file at the top of the source; empty if it is not there."""
    try:
        with open(recipe.inside("src", name), encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except FileNotFoundError:
        return ""


@contextlib.contextmanager
def _given(recipe: Recipe, name: str, text: str) -> Iterator[str]:
    """Write a file for uv, and remove it at the end."""
    path = recipe.inside(name)
    write_file(path, text, 0o644)
    try:
        yield path
    finally:
        os.unlink(path)


def _build(recipe: Recipe, arguments: Sequence[str], problem: str) -> None:
    """Install something for which uv may have to build, with hashes of all that builds."""
    with _given(recipe, "build-constraints.txt", recipe.build_lock) as file:
        options = hashes.build_options(_read(recipe, "pyproject.toml"), file)
        _pip(recipe, [*arguments, *options], problem)


def _pip(
    recipe: Recipe,
    arguments: Sequence[str],
    problem: str = "the dependencies cannot be installed",
) -> str:
    command = [recipe.uv, "pip", arguments[0], "--python", recipe.venv_python, "--compile-bytecode"]
    for option, value in (("--index", recipe.index), ("--find-links", recipe.find_links)):
        if value:
            command += [option, value]
    return _uv(recipe, [*command, *arguments[1:]], problem)


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
