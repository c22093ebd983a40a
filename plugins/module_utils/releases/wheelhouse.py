"""Makes a wheelhouse on a builder, and installs from one on a host.

The environment is made as on any host, with the same checks, by the same account in the same
sandbox; then each distribution in it becomes a wheel (repack.py). A host compares the digest of the
whole, and uv that of each wheel. Nothing is resolved or built there, and there is no network.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import stat
import tarfile
from typing import Any, BinaryIO

from ansible_collections.asgi.fleet.plugins.module_utils.application.confinement import unit_name
from ansible_collections.asgi.fleet.plugins.module_utils.host import confined
from ansible_collections.asgi.fleet.plugins.module_utils.host.files import remove_tree
from ansible_collections.asgi.fleet.plugins.module_utils.releases import repack
from ansible_collections.asgi.fleet.plugins.module_utils.releases.assembly import (
    assemble,
    extract,
    unpack,
)
from ansible_collections.asgi.fleet.plugins.module_utils.releases.dependencies import (
    install_project,
)
from ansible_collections.asgi.fleet.plugins.module_utils.releases.environment import create_venv
from ansible_collections.asgi.fleet.plugins.module_utils.releases.installer import given, pip
from ansible_collections.asgi.fleet.plugins.module_utils.releases.programs import text_of
from ansible_collections.asgi.fleet.plugins.module_utils.releases.recipe import BuildError, Recipe
from ansible_collections.asgi.fleet.plugins.module_utils.releases.takeover import take_over
from ansible_collections.asgi.fleet.plugins.module_utils.releases.wheels import (
    Wheelhouse,
    digest_of,
    requirements_of,
)
from ansible_collections.asgi.fleet.plugins.module_utils.releases.workshop import (
    SCRATCH,
    run_confined,
)

#: The folder of the wheels, in the archive and where they are made.
WHEELS = "wheels"
BLOCK = 1 << 20


def make(recipe: Recipe, destination: str, release: str) -> dict[str, Any]:
    """Make the wheels of a release and write them to a tar; nothing else is left.

    Args:
        recipe: The release; its path is a folder of the builder, which goes at the end.
        destination: Where the tar goes; it belongs to the owner of its folder then.
        release: Path of the release on its hosts.

    Returns:
        The fields of a `Wheelhouse` that a builder knows, and the digest of its wheels.

    Raises:
        BuildError: A step failed.
    """
    unit = unit_name(recipe.application, "build")
    _clear(recipe, unit)
    previous = os.umask(0o022)
    try:
        recipe = unpack(recipe)
        made = assemble(recipe)
        if recipe.installs_project:
            install_project(recipe)
        _repack(recipe, release)
        wheels = _take_wheels(recipe, unit)
        sha256 = _write(recipe, wheels, destination)
    except OSError as error:
        raise BuildError(f"the wheelhouse cannot be written: {error}") from error
    finally:
        os.umask(previous)
        _clear(recipe, unit)
    return {
        "sha256": sha256,
        "digest": digest_of(wheels),
        "wheels": wheels,
        "built_on": socket.gethostname(),
        "hashes": made.hashes,
        "notes": made.notes,
    }


def install(recipe: Recipe, wheelhouse: Wheelhouse) -> None:
    """Make the environment of a release from a wheelhouse alone.

    Raises:
        BuildError: The wheelhouse is not what the controller has, or lacks something.
    """
    if not wheelhouse.archive:
        raise BuildError(
            "the wheelhouse was not sent, since a release of this host had all of it, which has "
            "been removed meanwhile; run again"
        )
    with open(wheelhouse.archive, "rb") as file:
        found = _sha256(file)
    if found != wheelhouse.sha256:
        raise BuildError(
            f"the wheelhouse has the SHA-256 {found}; expected {wheelhouse.sha256}, as the "
            "controller has it; it was damaged on its way: run again"
        )
    try:
        requirements = requirements_of(wheelhouse.wheels)
    except ValueError as error:
        raise BuildError(str(error)) from error
    extract(recipe, wheelhouse.archive, recipe.inside(SCRATCH), "wheelhouse")
    create_venv(recipe)
    command = ["install", "--offline", "--no-index", "--no-deps", "--no-build", "--require-hashes"]
    command += ["--find-links", recipe.inside(SCRATCH, WHEELS)]
    problem = f"the wheels that {wheelhouse.built_on} built do not fit this host"
    with given(recipe, "wheelhouse.txt", requirements) as path:
        pip(recipe, [*command, "--requirements", path], problem)


def _clear(recipe: Recipe, unit: str) -> None:
    """End and remove what a build has left, this one or one that was killed."""
    confined.end(unit)
    with contextlib.suppress(OSError):
        remove_tree(recipe.path)


def _repack(recipe: Recipe, release: str) -> None:
    """Make the wheels, in the sandbox: what is packed is the work of foreign builds."""
    command = ["/usr/bin/python3", "-I", "-c", text_of(repack), recipe.inside(".venv")]
    command += [recipe.inside(WHEELS), recipe.path, release]
    run_confined(recipe, command, "the wheels cannot be made")


def _take_wheels(recipe: Recipe, unit: str) -> dict[str, str]:
    """Make the wheels root's, and return the digest of each.

    Raises:
        BuildError: There is something else among them.
    """
    confined.end(unit)
    os.chown(recipe.path, os.geteuid(), os.getegid())
    os.chmod(recipe.path, 0o700)
    take_over(recipe.path, (WHEELS,), recipe.pythons)
    wheels = {}
    for name in sorted(os.listdir(recipe.inside(WHEELS))):
        path = recipe.inside(WHEELS, name)
        if not stat.S_ISREG(os.lstat(path).st_mode):
            raise BuildError(f"the build left {name} among the wheels, which is not a file")
        with open(path, "rb") as file:
            wheels[name] = _sha256(file)
    try:
        requirements_of(wheels)
    except ValueError as error:
        raise BuildError(str(error)) from error
    return wheels


def _write(recipe: Recipe, wheels: dict[str, str], destination: str) -> str:
    """Write the tar, the same for the same wheels, and return its digest."""
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with os.fdopen(os.open(destination, flags, 0o600), "w+b") as file:
        # Wheels are compressed.
        with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for name in wheels:
                entry = tarfile.TarInfo(f"{WHEELS}/{name}")
                entry.size = os.path.getsize(recipe.inside(WHEELS, name))
                with open(recipe.inside(WHEELS, name), "rb") as wheel:
                    tar.addfile(entry, wheel)
        # Whoever logs in fetches it.
        owner = os.stat(os.path.dirname(destination))
        os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
        file.seek(0)
        return _sha256(file)


def _sha256(file: BinaryIO) -> str:
    digest = hashlib.sha256()
    for block in iter(lambda: file.read(BLOCK), b""):
        digest.update(block)
    return digest.hexdigest()
