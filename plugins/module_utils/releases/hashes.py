"""What is installed with hashes, and how uv is told so.

Pure. Where the application's lock has hashes, three things need them as well, which no such lock
names: the server packages, what builds a package from its source (PEP 517, build-system.requires),
and what that needs in turn. The role ships a lock of each (docs/decisions.md).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping

from ansible_collections.asgi.fleet.plugins.module_utils.releases.installed import normal
from ansible_collections.asgi.fleet.plugins.module_utils.releases.recipe import BuildError

#: uv's options by which a build takes part only with hashes; its docs call them experimental.
BUILD_HASHES = ("--require-build-hashes", "--preview-features", "build-dependency-hashes")

#: A requirement of a hashed lock with the lines that continue it.
_ENTRY = re.compile(r"^(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(?:.*\\\n)*.*$", re.M)
#: `name[extras]==version`.
_EXACT = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^]]*\])?==(?P<version>[^;\s]+)")
#: What uv cannot check by a hash, and refuses in a pylock.toml: commits and folders.
_UNHASHABLE_IN_PYLOCK = re.compile(
    r"^\s*(?:\[packages\.(?:vcs|directory)\]|(?:vcs|directory)\s*=)", re.M
)


def runtime_options(name: str, text: str) -> list[str]:
    """Return uv's options by which nothing without a hash is installed from this file."""
    if name == "pylock.toml" and _UNHASHABLE_IN_PYLOCK.search(text):
        # uv checks the hashes that are there, and resolves nothing that is not.
        return []
    return ["--require-hashes"]


def build_options(projects: Iterable[str], constraints: str) -> list[str]:
    """Return uv's options by which nothing without a hash takes part in a build.

    Args:
        projects: Texts of pyproject.toml, of the project and its workspace, which may bring hashes
            of their own.
        constraints: Path of the shipped lock.
    """
    own = re.compile(r"^\s*build-constraint-dependencies\s*=", re.M)
    if any(map(own.search, projects)):
        return [*BUILD_HASHES]
    return [*BUILD_HASHES, "--build-constraints", constraints]


def built_packages(lock: str, project: str) -> list[str]:
    """Return the names of the packages that uv.lock has no wheel of, but for the project itself.

    Args:
        lock: The text of uv.lock.
        project: The project's name; empty if it is the one in the lock's folder.
    """
    blocks = lock.split("[[package]]\n")[1:]
    names = [re.search(r'^name = "([^"]+)"', block, re.M) for block in blocks]
    return [
        name[1]
        for name, block in zip(names, blocks, strict=True)
        if name
        and not re.search(r"^wheels = \[", block, re.M)
        and not is_project(name[1], block, project)
        and not re.search(r"^source = \{ virtual = ", block, re.M)
    ]


def is_project(name: str, block: str, project: str) -> bool:
    """Return whether a package of uv.lock is the project itself.

    Args:
        name: Its name.
        block: Its text in the lock.
        project: As that of `built_packages`.
    """
    if project:
        return normal(name) == normal(project)
    return re.search(r'^source = \{ \w+ = "\." \}', block, re.M) is not None


def only(export: str, names: Iterable[str]) -> str:
    """Return the requirements of `uv export` with these names, and the folders among them."""
    wanted = {normal(name) for name in names}
    folders = [line for line in export.splitlines() if re.match(r"\.{0,2}/|file:", line)]
    named = [entry[0] for entry in _ENTRY.finditer(export) if normal(entry["name"]) in wanted]
    return "".join(f"{requirement}\n" for requirement in (*folders, *named))


def covers(lock: str, requirements: Iterable[str]) -> bool:
    """Return whether a hashed lock has each of these requirements in the very version."""
    return all(entries_of(lock, requirement) for requirement in requirements)


def entries_of(lock: str, requirement: str) -> str:
    """Return the part of a hashed lock that is this exact requirement, or an empty string."""
    wanted = _EXACT.fullmatch(requirement.strip())
    return "".join(
        f"{entry[0]}\n"
        for entry in _ENTRY.finditer(lock)
        if wanted
        and (exact := _EXACT.match(entry[0]))
        and (normal(exact["name"]), exact["version"]) == (normal(wanted["name"]), wanted["version"])
    )


def names_of(lock: str) -> set[str]:
    """Return the normalised names of what a hashed lock has."""
    return {normal(entry["name"]) for entry in _ENTRY.finditer(lock)}


def constraints(lock: str, own: Mapping[str, str]) -> str:
    """Return the lock as constraints, in which the application's own versions come first."""
    pinned = [f"{name}=={version}" for name, version in own.items()]
    entries = [entry[0] for entry in _ENTRY.finditer(lock) if normal(entry["name"]) not in own]
    return "".join(f"{line}\n" for line in (*pinned, *entries))


def selected(lock: str, answer: str) -> str:
    """Return the part of the lock that uv would install.

    Args:
        lock: A hashed lock.
        answer: What `uv pip install --dry-run --output-format json` said.

    Raises:
        BuildError: uv would install, or replace, something that is not in the lock.
    """
    changes = [(normal(one["name"]), one["action"]) for one in json.loads(answer)["changes"]]
    entries: dict[str, list[str]] = {}
    for entry in _ENTRY.finditer(lock):
        entries.setdefault(normal(entry["name"]), []).append(entry[0])
    foreign = [name for name, action in changes if action != "installed" or name not in entries]
    if foreign:
        raise BuildError(
            f"python_release_server_lock has no {', '.join(foreign)}, which the server packages "
            "need; nothing live changed; compile the lock again from what "
            "python_release_server_packages names: uv pip compile --universal --generate-hashes"
        )
    return "".join(f"{text}\n" for name, _action in changes for text in entries[name])


def hashes_told(*, application: bool, server: bool) -> str:
    """Return what the manifest says of what was installed: enforced, application or none.

    Args:
        application: Whether the application's lock has hashes.
        server: Whether the lock of the server packages had all that was added.
    """
    if not application:
        return "none"
    return "enforced" if server else "application"
