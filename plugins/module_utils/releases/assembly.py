"""What a release and a wheelhouse have in common: the source unpacked, the environment filled."""

# ansible-test asks for run_command, which does not know another user.
# pylint: disable=ansible-bad-function

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass, field, replace

from ansible_collections.asgi.fleet.plugins.module_utils.protocol.text import printable
from ansible_collections.asgi.fleet.plugins.module_utils.releases.dependencies import (
    install_dependencies,
    is_hashed,
    read_texts,
)
from ansible_collections.asgi.fleet.plugins.module_utils.releases.environment import create_venv
from ansible_collections.asgi.fleet.plugins.module_utils.releases.hashes import hashes_told
from ansible_collections.asgi.fleet.plugins.module_utils.releases.recipe import (
    BuildError,
    Recipe,
    tail,
)
from ansible_collections.asgi.fleet.plugins.module_utils.releases.server_packages import (
    add_server_packages,
)
from ansible_collections.asgi.fleet.plugins.module_utils.releases.takeover import hand_over
from ansible_collections.asgi.fleet.plugins.module_utils.releases.workshop import SCRATCH, wheel


@dataclass
class Assembled:
    """What there is to say about an environment.

    Attributes:
        hashes: What of it had hashes, as a manifest says it.
        notes: What differs from the server packages as they are set, and why.
    """

    hashes: str = ""
    notes: list[str] = field(default_factory=list)


def ids(account: str) -> tuple[int, int]:
    """Return the numbers of an account and of its group."""
    found = pwd.getpwnam(account)
    return found.pw_uid, found.pw_gid


def unpack(recipe: Recipe) -> Recipe:
    """Make the release's folder, which is the build's for now, with the source in it.

    Returns:
        The recipe with the texts that decide what is installed.
    """
    os.makedirs(os.path.dirname(recipe.path), exist_ok=True)
    for folder in (recipe.path, recipe.tree, recipe.inside(SCRATCH)):
        os.mkdir(folder, 0o700)
    if recipe.kind == "wheel":
        shutil.copyfile(recipe.archive, wheel(recipe))
    hand_over(recipe.path, *ids(recipe.builder))
    if recipe.kind == "tree":
        extract(recipe, recipe.archive, recipe.tree, "source")
    text, projects = read_texts(recipe)
    return replace(recipe, text=text, projects=projects)


def extract(recipe: Recipe, archive: str, folder: str, what: str) -> None:
    """Unpack a tar, compressed or not, as the account of the build."""
    uid, gid = ids(recipe.builder)
    compressed = ["--gzip"] if what == "source" else []
    command = ["tar", "--extract", *compressed, "--no-same-owner", "--no-same-permissions"]
    with open(archive, "rb") as file:
        result = subprocess.run(
            command,
            cwd=folder,
            user=uid,
            group=gid,
            extra_groups=[],
            umask=0o022,
            # Names are bytes; another locale would convert them.
            env={**os.environ, "LC_ALL": "C.UTF-8"},
            stdin=file,
            capture_output=True,
            text=True,
            check=False,
        )
    if result.returncode != 0:
        raise BuildError(f"the {what} cannot be unpacked:\n{tail(printable(result.stderr))}")


def assemble(recipe: Recipe) -> Assembled:
    """Make the environment, with everything in it but the project itself.

    Raises:
        BuildError: Something cannot be installed, or has no hash but needs one.
    """
    hashed = is_hashed(recipe)
    create_venv(recipe)
    install_dependencies(recipe)
    added = add_server_packages(recipe)
    return Assembled(hashes_told(application=hashed, server=added.hashed), added.notes)
