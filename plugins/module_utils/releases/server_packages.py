"""Gunicorn, uvicorn and its worker: added to what the application brings, in versions that fit."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ansible_collections.asgi.fleet.plugins.module_utils.releases import hashes, server_set
from ansible_collections.asgi.fleet.plugins.module_utils.releases.installed import installed
from ansible_collections.asgi.fleet.plugins.module_utils.releases.installer import given, pip
from ansible_collections.asgi.fleet.plugins.module_utils.releases.recipe import (
    BuildError,
    Recipe,
)


@dataclass
class Added:
    """What was added.

    Attributes:
        hashed: Whether all of it has its hash in the lock of the server packages.
        notes: What differs from the server packages as they are set, and why.
    """

    hashed: bool = True
    notes: list[str] = field(default_factory=list)


def add_server_packages(recipe: Recipe) -> Added:
    """Add the server packages, but never over versions that the application chose itself.

    Raises:
        BuildError: What the application brings is too old, or nothing fits it, or something has no
            hash but needs one.
    """
    own = _installed(recipe)
    _require_fit(own, f"the dependencies ({recipe.used or recipe.kind})")
    added = Added()
    wanted = server_set.missing(recipe.server_packages, own)
    libraries = server_set.libraries(recipe.server_packages, own)
    if wanted or libraries:
        _add(recipe, wanted, libraries, own, added)
    if libraries:
        told = f"uvicorn {own['uvicorn']} came without {', '.join(libraries)}: added"
        added.notes.append(told)
    _add_older_setuptools(recipe, added)
    _add_worker(recipe, added)
    _require_fit(_installed(recipe), "python_release_server_packages")
    return added


def server_versions(recipe: Recipe) -> dict[str, str]:
    """Return the versions of what serves the application."""
    found = _installed(recipe)
    return {name: found[name] for name in server_set.FLOORS if name in found}


def _installed(recipe: Recipe) -> dict[str, str]:
    return installed(recipe.inside(".venv"))


def _require_fit(versions: Mapping[str, str], origin: str) -> None:
    found = server_set.problems(versions)
    if found:
        raise BuildError(
            f"{'; '.join(found)}; {origin} chose it; require newer ones there, or leave out what "
            "the application does not import itself: what is missing is added in versions that "
            "fit; nothing live changed"
        )


def _add(
    recipe: Recipe,
    wanted: Sequence[str],
    libraries: Sequence[str],
    own: Mapping[str, str],
    added: Added,
) -> None:
    """Add what is wanted in its very version if that fits, in one that does otherwise."""
    names = [*wanted, *libraries]
    problem = (
        f"{', '.join(names)} (python_release_server_packages) cannot be added to the versions "
        "that the application brings"
    )
    lock = recipe.server_lock
    if not hashes.covers(lock, wanted) or not hashes.names_of(lock).issuperset(libraries):
        _refuse_without_hashes(recipe, names)
        lock = ""
    try:
        answer = (
            _asked(recipe, names, own, problem) if lock else _resolve(recipe, names, own, problem)
        )
    except BuildError as error:
        others = server_set.relaxed(names)
        if others == names or recipe.require_hashes:
            raise
        try:
            _resolve(recipe, others, own, problem)
        except BuildError:
            raise error from None
        added.hashed = False
        told = f"{', '.join(wanted)} does not fit the application's own versions: others were added"
        added.notes.append(told)
        return
    if lock:
        _install_locked(recipe, hashes.selected(lock, answer))
    else:
        added.hashed = False


def _asked(recipe: Recipe, names: Sequence[str], own: Mapping[str, str], problem: str) -> str:
    """Return what uv would install by the lock.

    With --require-hashes it would ask for hashes of the application's own packages as well.
    """
    # Wheels alone: to ask must not build anything.
    wheels = ["--no-build", "--output-format", "json", "--dry-run"]
    with given(recipe, "constraints.txt", hashes.constraints(recipe.server_lock, own)) as file:
        command = ["install", *wheels, "--constraints", file, *names]
        return pip(recipe, command, problem, answers=True)


def _resolve(recipe: Recipe, names: Sequence[str], own: Mapping[str, str], problem: str) -> str:
    """Install without a lock."""
    with given(recipe, "constraints.txt", hashes.constraints("", own)) as file:
        return pip(recipe, ["install", "--constraints", file, *names], problem)


def _install_locked(recipe: Recipe, entries: str) -> None:
    with given(recipe, "server.txt", entries) as file:
        command = ["install", "--no-deps", "--no-build", "--require-hashes", "--requirements", file]
        pip(recipe, command, "the server packages cannot be installed with their hashes")


def _add_older_setuptools(recipe: Recipe, added: Added) -> None:
    own = _installed(recipe)
    if not server_set.needs_older_setuptools(own):
        return
    seen = own.get("setuptools", "missing")
    if re.search(r"\bsetuptools\b", recipe.text):
        raise BuildError(
            f"setuptools is {seen} by {recipe.used}; gunicorn {own['gunicorn']} needs one before "
            f"{server_set.WITHOUT_PKG_RESOURCES['setuptools']}, which has pkg_resources; require "
            f"setuptools<82 there, or gunicorn>={server_set.WITHOUT_PKG_RESOURCES['gunicorn']}; "
            "nothing live changed"
        )
    _install_locked(recipe, hashes.entries_of(server_set.OLDER, server_set.OLDER_SETUPTOOLS))
    added.notes.append(
        f"{server_set.OLDER_SETUPTOOLS} takes the place of {seen}: gunicorn {own['gunicorn']} "
        "imports its pkg_resources"
    )


def _add_worker(recipe: Recipe, added: Added) -> None:
    """Add the worker apart: its newest version works with older Gunicorns than it says."""
    requirement = server_set.worker(recipe.server_packages, _installed(recipe))
    if not requirement:
        return
    lock = f"{recipe.server_lock}\n{server_set.OLDER}"
    if entries := hashes.entries_of(lock, requirement):
        _install_locked(recipe, entries)
        return
    _refuse_without_hashes(recipe, [requirement])
    added.hashed = False
    command = ["install", "--no-deps", "--no-build", requirement]
    pip(recipe, command, f"{requirement} (python_release_server_packages) cannot be added")


def _refuse_without_hashes(recipe: Recipe, names: Sequence[str]) -> None:
    if recipe.require_hashes:
        raise BuildError(
            "python_release_require_hashes is true; python_release_server_lock has no "
            f"{', '.join(names)} (python_release_server_packages); set it to a file on the "
            "controller that has them, made by uv pip compile --universal --generate-hashes"
        )
