"""What the application brings into a virtual environment: its dependencies, and itself."""

from __future__ import annotations

import os

from ansible_collections.asgi.fleet.plugins.module_utils.host.files import read_text
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.locks import (
    has_hashes,
    without_hashes,
)
from ansible_collections.asgi.fleet.plugins.module_utils.releases import hashes
from ansible_collections.asgi.fleet.plugins.module_utils.releases.installer import (
    BUILD_ADVICE,
    given,
    pip,
    pip_with_hashes,
)
from ansible_collections.asgi.fleet.plugins.module_utils.releases.recipe import (
    BuildError,
    Recipe,
)
from ansible_collections.asgi.fleet.plugins.module_utils.releases.workshop import (
    run_confined,
    wheel,
)

#: Files that describe a project; `uv pip` reads extras in them, and groups in the first.
PROJECT_FILES = ("pyproject.toml", "setup.py", "setup.cfg")


def read_texts(recipe: Recipe) -> tuple[str, tuple[str, ...]]:
    """Return `Recipe.text` and `Recipe.projects`.

    They are read before anything of the source runs, which could replace them.

    Raises:
        BuildError: The file that names the dependencies is not in the source.
    """
    if recipe.kind != "tree":
        return "", ()
    if not os.path.isdir(_real(recipe, recipe.folder)):
        raise BuildError(f"the source has no folder {recipe.project}, which has the project")
    folders = dict.fromkeys((recipe.folder, recipe.used_folder))
    projects = [_read(recipe, os.path.join(folder, "pyproject.toml")) for folder in folders]
    text = _read(recipe, os.path.join(recipe.tree, recipe.used)) if recipe.used else ""
    if text is None:
        raise BuildError(
            f"{recipe.prefix}dependencies: the source has no file {recipe.used}; name one that it "
            "has"
        )
    told = recipe.installation.exported or text
    return told, tuple(project for project in projects if project is not None)


def _read(recipe: Recipe, path: str) -> str | None:
    """Return the text of a file of the source, or None."""
    real = _real(recipe, path)
    return read_text(real) if os.path.isfile(real) else None


def _real(recipe: Recipe, path: str) -> str:
    """Return where a path leads to; a link that leads out of the source leads to nothing."""
    root, real = os.path.realpath(recipe.tree), os.path.realpath(path)
    return real if real == root or real.startswith(f"{root}/") else os.devnull


def is_hashed(recipe: Recipe) -> bool:
    """Return whether the application's lock has a hash for all that it names.

    Raises:
        BuildError: It has not, and must.
    """
    hashed = bool(recipe.used) and has_hashes(recipe.used_kind, recipe.text)
    if recipe.require_hashes and not hashed:
        raise BuildError(without_hashes(recipe.kind, recipe.used))
    return hashed


def install_dependencies(recipe: Recipe) -> None:
    """Install what the application names; of a wheel or package also the application itself."""
    if recipe.kind != "tree":
        pip(recipe, ["install", recipe.package if recipe.kind == "package" else wheel(recipe)])
    elif recipe.used_kind == "uv.lock":
        _sync(recipe)
    elif recipe.installation.exported:
        with given(recipe, "exported.txt", recipe.installation.exported) as file:
            _install_named(recipe, file, recipe.used_folder)
    elif recipe.used:
        _install_named(recipe, os.path.join(recipe.tree, recipe.used))


def _install_named(recipe: Recipe, file: str, folder: str = "") -> None:
    """Install what a file names that `uv pip` reads.

    Args:
        recipe: The release.
        file: Path of the file.
        folder: Where relative paths in it start; empty for the project's folder.
    """
    command = ["install", "--requirements", file, *_chosen(recipe, file)]
    problem = f"the dependencies cannot be installed from {recipe.used}"
    environment = recipe.installation.build_environment
    if is_hashed(recipe):
        command += hashes.runtime_options(recipe.used_kind, recipe.text)
        problem += (
            f", which has hashes: each package that is downloaded needs one there. {BUILD_ADVICE}"
        )
        pip_with_hashes(recipe, command, problem, environment=environment, folder=folder)
    else:
        pip(recipe, command, problem, environment=environment, folder=folder)


def _chosen(recipe: Recipe, file: str) -> list[str]:
    """Return uv's options for extras and groups, of the files that have any."""
    if recipe.used_kind not in (*PROJECT_FILES, "pylock.toml"):
        return []
    extras = [f"--extra={name}" for name in recipe.installation.extras]
    return [*extras, *(f"--group={file}:{name}" for name in recipe.installation.groups)]


def _sync(recipe: Recipe) -> None:
    """Install what uv.lock names, but for the project itself."""
    chosen = ["--project", recipe.folder, "--python", recipe.venv_python]
    if recipe.project and recipe.installation.name:
        chosen += ["--package", recipe.installation.name]
    chosen += [f"--extra={name}" for name in recipe.installation.extras]
    chosen += [f"--group={name}" for name in recipe.installation.groups]
    command = [recipe.uv, "sync", "--locked", "--no-dev", "--no-editable", "--compile-bytecode"]
    # The venv's own interpreter: uv would otherwise look for one again, and may replace it.
    command += ["--no-install-project", *chosen]
    problem = f"the dependencies cannot be installed from {recipe.used}"
    environment = recipe.installation.build_environment
    if not is_hashed(recipe):
        run_confined(recipe, command, problem, environment)
        return
    # `uv sync` takes build constraints from the project alone: what must be built comes by pip.
    built = hashes.built_packages(recipe.text, recipe.installation.name)
    command += [f"--no-install-package={name}" for name in built]
    command += hashes.BUILD_HASHES
    run_confined(recipe, command, f"{problem}. {BUILD_ADVICE}", environment)
    if built:
        export = [recipe.uv, "export", "--locked", "--no-dev", "--no-editable", "--no-annotate"]
        export += ["--no-header", "--no-emit-project", *chosen]
        answer = run_confined(recipe, export, problem, environment, answers=True)
        named = hashes.only(answer, built)
        with given(recipe, "built.txt", named) as file:
            arguments = ["install", "--no-deps", "--requirements", file]
            # The export names the members of a workspace from the lock's folder.
            pip_with_hashes(
                recipe,
                arguments,
                f"{problem}. {BUILD_ADVICE}",
                environment=environment,
                folder=recipe.used_folder,
            )


def install_project(recipe: Recipe) -> None:
    """Build and install the project itself, without its dependencies if a file named them."""
    command = ["install", "--reinstall", *(["--no-deps"] if recipe.used else []), recipe.folder]
    environment = recipe.installation.build_environment
    instead = f"{recipe.prefix}package: false serves the source as it is"
    if is_hashed(recipe):
        problem = (
            f"the project cannot be built with hashes, which {recipe.used} has. {BUILD_ADVICE}; or "
            f"{instead}"
        )
        pip_with_hashes(recipe, command, problem, environment=environment)
    else:
        problem = f"the project cannot be built and installed; {instead}"
        pip(recipe, command, problem, environment=environment)
