"""uv's installer, as the steps of a build call it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence

from ansible_collections.asgi.fleet.plugins.module_utils.host.files import write_file
from ansible_collections.asgi.fleet.plugins.module_utils.releases import hashes
from ansible_collections.asgi.fleet.plugins.module_utils.releases.recipe import Recipe
from ansible_collections.asgi.fleet.plugins.module_utils.releases.workshop import (
    index_environment,
    run_confined,
)

#: What to do about a build requirement that is not in the shipped lock, or not in this version.
BUILD_ADVICE = (
    "What it takes to build a package (build-system.requires) needs hashes as well: "
    "build-requirements.in of the role python_release names what has them; for others put "
    "build-constraint-dependencies with hashes into [tool.uv] of pyproject.toml"
)


def pip(
    recipe: Recipe,
    arguments: Sequence[str],
    problem: str = "the dependencies cannot be installed",
    *,
    environment: Mapping[str, str] | None = None,
    folder: str = "",
    answers: bool = False,
) -> str:
    """Run `uv pip` on the release's venv; the other arguments are those of `run_confined`."""
    command = [recipe.uv, "pip", arguments[0], "--python", recipe.venv_python, "--compile-bytecode"]
    told = {**index_environment(recipe), **(environment or {})}
    return run_confined(
        recipe, [*command, *arguments[1:]], problem, told, folder=folder, answers=answers
    )


def pip_with_hashes(
    recipe: Recipe,
    arguments: Sequence[str],
    problem: str,
    *,
    environment: Mapping[str, str] | None = None,
    folder: str = "",
) -> None:
    """Install something for which uv may have to build, with hashes of all that builds."""
    with given(recipe, "build-constraints.txt", recipe.build_lock) as file:
        options = hashes.build_options(recipe.projects, file)
        pip(recipe, [*arguments, *options], problem, environment=environment, folder=folder)


@contextlib.contextmanager
def given(recipe: Recipe, name: str, text: str) -> Iterator[str]:
    """Write a file for uv, and remove it at the end.

    Not in the release's folder, where the build may have left a link to somewhere else.
    """
    path = f"{recipe.path}.{name}"
    write_file(path, text, 0o644)
    try:
        yield path
    finally:
        os.unlink(path)
