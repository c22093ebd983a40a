"""Build one immutable release in its final place, on the host.

    /opt/<app>/releases/<id>/src            the code, and the working folder of whatever runs
    /opt/<app>/releases/<id>/repository     of a project that needs more of its repository than its
                                            own folder: all of it; src is a link to that folder
    /opt/<app>/releases/<id>/.venv          its virtual environment, byte-compiled
    /opt/<app>/releases/<id>/manifest.json  written last: a release without it is not complete

The build runs as an account of its own, in a sandbox (workshop.py), and root takes over what it has
left (takeover.py): everything belongs to root then, and the service can read it and no more.
"""

# ansible-test asks for run_command, which does not know another user.
# pylint: disable=ansible-bad-function

from __future__ import annotations

import contextlib
import hashlib
import os
import pwd
import re
import time
from collections.abc import Mapping
from typing import Any

from ansible_collections.asgi.fleet.plugins.module_utils.application.confinement import (
    unit_name,
)
from ansible_collections.asgi.fleet.plugins.module_utils.application.places import open_places
from ansible_collections.asgi.fleet.plugins.module_utils.host import confined
from ansible_collections.asgi.fleet.plugins.module_utils.host.files import (
    read_text,
    remove_tree,
)
from ansible_collections.asgi.fleet.plugins.module_utils.releases.assembly import (
    Assembled,
    assemble,
    ids,
    unpack,
)
from ansible_collections.asgi.fleet.plugins.module_utils.releases.dependencies import (
    install_project,
    is_hashed,
)
from ansible_collections.asgi.fleet.plugins.module_utils.releases.environment import (
    copy_venv,
    release_key,
)
from ansible_collections.asgi.fleet.plugins.module_utils.releases.import_check import (
    import_application,
)
from ansible_collections.asgi.fleet.plugins.module_utils.releases.manifest import (
    write_manifest,
)
from ansible_collections.asgi.fleet.plugins.module_utils.releases.recipe import BuildError, Recipe
from ansible_collections.asgi.fleet.plugins.module_utils.releases.reuse import donor
from ansible_collections.asgi.fleet.plugins.module_utils.releases.server_packages import (
    server_versions,
)
from ansible_collections.asgi.fleet.plugins.module_utils.releases.takeover import (
    hand_over,
    take_over,
)
from ansible_collections.asgi.fleet.plugins.module_utils.releases.wheelhouse import install
from ansible_collections.asgi.fleet.plugins.module_utils.releases.workshop import run_confined


def build(
    recipe: Recipe,
    manifest: Mapping[str, Any],
    manifests: Mapping[str, Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """Build the release and return its manifest.

    Args:
        recipe: What it is made of.
        manifest: Further entries of its manifest.
        manifests: The manifests of the complete releases beside it, by id.

    Raises:
        BuildError: A step failed; the folder was removed again.
    """
    # A killed run's build may still work in that folder, as the account that gets it now.
    confined.end(unit_name(recipe.application, "build"))
    with contextlib.suppress(OSError):
        remove_tree(recipe.path)
    previous = os.umask(0o022)
    try:
        recipe = unpack(recipe)
        lock_sha256 = _digest(os.path.join(recipe.tree, recipe.used)) if recipe.used else ""
        if recipe.wheelhouse:
            key = recipe.wheelhouse.key
        else:
            is_hashed(recipe)
            key = release_key(recipe)
        reused = donor(manifests or {}, key)
        if reused:
            copy_venv(recipe, reused)
            earlier = (manifests or {})[reused]
            made = Assembled(earlier.get("hashes", ""), earlier.get("server_notes", []))
        elif recipe.wheelhouse:
            install(recipe, recipe.wheelhouse)
            made = Assembled(recipe.wheelhouse.hashes, list(recipe.wheelhouse.notes))
        else:
            made = assemble(recipe)
        # A wheelhouse has the project itself as well.
        if recipe.installs_project and not recipe.wheelhouse:
            if reused:
                hand_over(recipe.inside(".venv"), *ids(recipe.builder))
            install_project(recipe)
        _compile(recipe)
        _take_back(recipe)
        import_application(recipe)
        complete = {
            **manifest,
            "id": os.path.basename(recipe.path),
            "module": recipe.module,
            "python": _python_version(recipe),
            "installation": _installation(recipe),
            "project": recipe.project,
            "notes": [*manifest.get("notes", recipe.installation.notes), *made.notes],
            "server_notes": made.notes,
            "hashes": made.hashes,
            # For people; `environment` is what is compared.
            "installed_from": recipe.wheelhouse.told if recipe.wheelhouse else "index",
            "environment": key,
            "environment_from": reused,
            "lock_sha256": lock_sha256,
            "built_at": int(time.time()),
        }
        write_manifest(recipe.path, complete)
        return complete
    except BaseException as error:
        with contextlib.suppress(OSError):
            remove_tree(recipe.path)
        if isinstance(error, OSError):
            raise BuildError(f"the release cannot be written: {error}") from error
        raise
    finally:
        os.umask(previous)


def _compile(recipe: Recipe) -> None:
    """Byte-compile the source: the service cannot write there."""
    # Sources may contain files that are not meant to compile (templates, tests of syntax errors).
    with contextlib.suppress(BuildError):
        # -I: a module of the source may have the name of one that compileall imports.
        command = [recipe.venv_python, "-I", "-m", "compileall", "-q", recipe.tree]
        run_confined(recipe, command, "")


def _take_back(recipe: Recipe) -> None:
    """Make the release root's; the service may read it."""
    os.chown(recipe.path, os.geteuid(), pwd.getpwnam(recipe.user).pw_gid)
    # Nobody else: a packed `.env` is no other application's business.
    os.chmod(recipe.path, 0o750)  # noqa: S103 (the group is the service's own)
    tree = os.path.basename(recipe.tree)
    for name in set(os.listdir(recipe.path)) - {tree, ".venv"}:
        path = recipe.inside(name)
        if os.path.isdir(path) and not os.path.islink(path):
            remove_tree(path)
        else:
            os.unlink(path)
    take_over(recipe.path, (tree, ".venv"), recipe.pythons)
    if recipe.project:
        # Only now: until here the folder was the build's, which could have put another link there.
        os.symlink(os.path.join(tree, recipe.project), recipe.inside("src"))
        if not os.path.isdir(recipe.inside("src")):
            raise BuildError(f"the build replaced {tree}/{recipe.project}, a folder")
    open_places(recipe.path, recipe.user, recipe.sandbox)


def _installation(recipe: Recipe) -> dict[str, Any]:
    """Return what the manifest says of how the application was installed."""
    told = recipe.installation
    return {
        "file": recipe.used,
        "extras": list(told.extras),
        "groups": list(told.groups),
        "package": recipe.installs_project,
        "server": server_versions(recipe),
    }


def _python_version(recipe: Recipe) -> str:
    """Return the version of the release's interpreter, from what uv wrote about it."""
    text = read_text(recipe.inside(".venv", "pyvenv.cfg"))
    found = re.search(r"^version(?:_info)?\s*=\s*([0-9.]+\w*)", text, re.M)
    return found[1] if found else ""


def _digest(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()
