"""Build one immutable release in its final place, on the host.

    /opt/<app>/releases/<id>/src            the code
    /opt/<app>/releases/<id>/.venv          its virtual environment, byte-compiled
    /opt/<app>/releases/<id>/manifest.json  written last: a release without it is not complete

Everything belongs to root, and the service cannot write to it. Standard library and uv only.
"""

# ansible-test asks for run_command, which knows neither another user nor a timeout.
# pylint: disable=ansible-bad-function

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pwd
import re
import shutil
import stat
import subprocess
import time
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.host.files import write_file
from ansible_collections.asgi.fleet.plugins.module_utils.host.locking import locked
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.redaction import redacted
from ansible_collections.asgi.fleet.plugins.module_utils.releases.environment import (
    add_server_packages,
    copy_venv,
    create_venv,
    dependency_file,
    install_dependencies,
    install_project,
    release_key,
)
from ansible_collections.asgi.fleet.plugins.module_utils.releases.recipe import (
    BuildError,
    Recipe,
    interpreter_version,
    run,
    tail,
)
from ansible_collections.asgi.fleet.plugins.module_utils.releases.reuse import donor

#: Seconds to wait for another build, such as one whose controller was killed.
BUILD_PATIENCE = 900
#: Seconds that importing the application may take.
IMPORT_TIMEOUT = 120


def read_manifest(path: str) -> dict[str, Any] | None:
    """Return the manifest of a complete release whose interpreter is still there, or None."""
    try:
        with open(os.path.join(path, "manifest.json"), encoding="utf-8") as file:
            manifest: dict[str, Any] = json.load(file)
    except (OSError, ValueError):
        return None
    # After an upgrade of the distribution the venv's link may be broken: build it again.
    return manifest if os.access(os.path.join(path, ".venv", "bin", "python"), os.X_OK) else None


@contextlib.contextmanager
def building(application: Application) -> Iterator[None]:
    """Hold the host's build lock.

    Raises:
        BuildError: Another build held it for too long.
    """
    busy = BuildError(
        f"another build of {application.name} has been running on this host for more than "
        f"{BUILD_PATIENCE} s; wait for it to end and run again"
    )
    with locked(application.path("opt", application.name, "build.lock"), BUILD_PATIENCE, busy):
        yield


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
    shutil.rmtree(recipe.path, ignore_errors=True)
    previous = os.umask(0o022)
    try:
        os.makedirs(recipe.inside("src"))
        _unpack(recipe)
        used = dependency_file(recipe) if recipe.kind == "tree" else ""
        key = release_key(recipe, used)
        reused = donor(manifests or {}, key)
        if reused:
            copy_venv(recipe, reused)
        else:
            create_venv(recipe)
            install_dependencies(recipe, used)
            add_server_packages(recipe)
        install_project(recipe, used, reused=bool(reused))
        _compile(recipe)
        _protect(recipe)
        _import_application(recipe)
        complete = {
            **manifest,
            "id": os.path.basename(recipe.path),
            "module": recipe.module,
            "python": interpreter_version(recipe.venv_python),
            "dependencies": used,
            "environment": key,
            "environment_from": reused,
            "lock_sha256": _digest(recipe.inside("src", used)) if used else "",
            "built_at": int(time.time()),
        }
        write_manifest(recipe.path, complete)
        return complete
    except BaseException as error:
        shutil.rmtree(recipe.path, ignore_errors=True)
        if isinstance(error, OSError):
            raise BuildError(f"the release cannot be written: {error}") from error
        raise
    finally:
        os.umask(previous)


def _unpack(recipe: Recipe) -> None:
    if recipe.kind == "tree":
        run(
            ["tar", "--extract", "--gzip", "--no-same-owner", "--file", recipe.archive],
            "the source cannot be unpacked",
            cwd=recipe.inside("src"),
        )


def _compile(recipe: Recipe) -> None:
    """Byte-compile the source: the service cannot write there."""
    # Sources may contain files that are not meant to compile (templates, tests of syntax errors).
    subprocess.run(
        [recipe.venv_python, "-m", "compileall", "-q", recipe.inside("src")],
        capture_output=True,
        check=False,
    )


def _protect(recipe: Recipe) -> None:
    """Remove write permission for everyone except root: uv's lock of the venv, for example."""
    for folder, _folders, files in os.walk(recipe.path):
        for path in (folder, *(os.path.join(folder, name) for name in files)):
            mode = os.lstat(path).st_mode
            if mode & 0o022 and not stat.S_ISLNK(mode):
                os.chmod(path, stat.S_IMODE(mode) & ~0o022)


def _import_application(recipe: Recipe) -> None:
    """Import the ASGI callable as the service's user, with its environment.

    Raises:
        BuildError: with the traceback.
    """
    module, _colon, attribute = recipe.module.partition(":")
    attribute = re.split(r"[(\[]", attribute)[0]
    code = (
        "import importlib, sys\n"
        "sys.path.insert(0, '.')\n"
        f"found = importlib.import_module({module!r})\n"
        f"for part in {attribute!r}.split('.'):\n"
        "    found = getattr(found, part)\n"
        "assert callable(found), f'{found!r} cannot be called'\n"
    )
    environment = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "LANG": "C.UTF-8"}
    account = pwd.getpwnam(recipe.user)
    try:
        result = subprocess.run(
            [recipe.venv_python, "-B", "-c", code],
            cwd=recipe.inside("src"),
            env={**environment, **recipe.environment},
            user=account.pw_uid,
            group=account.pw_gid,
            extra_groups=[],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=IMPORT_TIMEOUT,
        )
    except subprocess.TimeoutExpired:
        raise BuildError(
            f"importing {recipe.module} did not end within {IMPORT_TIMEOUT} s; move what takes so "
            "long from import time to the application's lifespan"
        ) from None
    if result.returncode != 0:
        # An application often prints a rejected setting with its value.
        told = redacted(result.stderr, recipe.environment, recipe.secret_names)
        raise BuildError(
            f"{recipe.prefix}module is {recipe.module}; importing it failed (exit status "
            f"{result.returncode}); the release was not kept, and nothing live changed:\n"
            f"{tail(told)}"
        )


def _digest(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def write_manifest(path: str, manifest: Mapping[str, Any]) -> None:
    """Write the manifest of the release in the folder `path`, after syncing everything else."""
    os.sync()
    text = json.dumps(manifest, indent=2, sort_keys=True) + "\n"
    write_file(os.path.join(path, "manifest.json"), text, 0o644)
