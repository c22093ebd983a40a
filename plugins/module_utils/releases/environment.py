"""The virtual environment of a release: made by uv, or copied from a release with the same lock."""

# ansible-test asks for run_command, which these calls do not need.
# pylint: disable=ansible-bad-function

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence

from ansible_collections.asgi.fleet.plugins.module_utils.protocol.world import PATH
from ansible_collections.asgi.fleet.plugins.module_utils.releases.advice import advised
from ansible_collections.asgi.fleet.plugins.module_utils.releases.recipe import (
    BuildError,
    Recipe,
    interpreter_version,
    tail,
)
from ansible_collections.asgi.fleet.plugins.module_utils.releases.reuse import environment_key
from ansible_collections.asgi.fleet.plugins.module_utils.releases.server_set import OLDER
from ansible_collections.asgi.fleet.plugins.module_utils.releases.workshop import (
    run_confined,
    shown_of,
    uv_environment,
)

#: Errors of a copy that are shown.
COPY_ERRORS = 3


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
            said = installed_now.stderr or found.stderr
            told = shown_of(said, uv_environment(recipe, recipe.cache))
            advice = "".join(f"; {one}" for one in advised(said, recipe.prefix))
            raise BuildError(
                f"{recipe.prefix}python is {recipe.python}; this host has "
                f"{interpreter_version('/usr/bin/python3')} as python3, and the wanted one cannot "
                f"be had; install python{recipe.python} on the host, set "
                "python_release_python_mirror to a mirror of "
                f"uv's Python builds that it reaches, or choose another {recipe.prefix}python"
                f"{advice}:\n"
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


def release_key(recipe: Recipe) -> str:
    """Return a digest of all that decides what is installed; empty if a lock does not say."""
    ingredients = [
        os.path.realpath("/usr/bin/python3") if not recipe.python else recipe.python,
        # Credentials must not be part of a digest.
        *(
            re.sub(r"//[^/\s]*@", "//", url)
            for url in (recipe.python_mirror, recipe.index, recipe.find_links)
        ),
        list(recipe.server_packages),
        recipe.server_lock,
        OLDER,
        recipe.build_lock,
        sorted(recipe.uv_environment),
        recipe.uv,
    ]
    return environment_key(recipe, ingredients)


def copy_venv(recipe: Recipe, release: str) -> None:
    """Copy the virtual environment of another release; it is relocatable, so the copy works.

    Times are kept: the byte code depends on them.
    """
    venv = os.path.join(os.path.dirname(recipe.path), release, ".venv")
    command = ["cp", "--archive", "--reflink=auto", venv, recipe.inside(".venv")]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        # A full disk is told for each of a thousand files.
        told = "\n".join(result.stderr.splitlines()[:COPY_ERRORS])
        raise BuildError(
            f"the virtual environment of {release} cannot be copied; nothing live changed:\n"
            f"{tail(told)}"
        )
