"""Locks of PDM and Pipenv as requirements files: both list exact versions with hashes.

They are read here, and not by their own tools: what those do is to write these lines, and each
brings dozens of packages. A lock of Poetry is another matter (exporters.py): of older ones the
markers have to be worked out.
"""

from __future__ import annotations

import contextlib
import json
import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import tomllib
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.entries import SourceError
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.outside import (
    table,
    toml,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.project import Project

with contextlib.suppress(ImportError):  # ansible-core brings it; its sanity tests have none
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.specifiers import InvalidSpecifier, SpecifierSet
    from packaging.utils import canonicalize_name

#: Pipenv's name of the index that everyone has; another is told to the host.
_USUAL_INDEX = "pypi"


def from_pdm(project: Project, lock: str, extras: Sequence[str], groups: Sequence[str]) -> str:
    """Return a pdm.lock as a requirements file.

    Raises:
        SourceError: It cannot be read, or does not fit pyproject.toml, or lacks a group.
    """
    document = _read_toml(lock)
    metadata = table(document, "metadata")
    if "inherit_metadata" not in metadata.get("strategy", []):
        raise SourceError(
            "pdm.lock does not say which package belongs to which group: it was made without the "
            "strategy inherit_metadata; run pdm lock --update-reuse --strategy inherit_metadata, "
            "or pdm export --prod --output requirements.txt, and commit the file"
        )
    asked = {canonicalize_name(name) for name in (*extras, *groups)}
    there = {canonicalize_name(str(name)) for name in metadata.get("groups", [])}
    if missing := sorted(asked - there):
        raise SourceError(
            f"pdm.lock has no {', '.join(missing)}; it was locked for {', '.join(sorted(there))}; "
            "run pdm lock --group :all and commit the file"
        )
    packages = document.get("package", [])
    _check_fit(project.requirements, _versions(packages), "pdm.lock", "pdm lock")
    plain = {package["name"] for package in packages if not package.get("extras")}
    lines = []
    for package in packages:
        belongs = {canonicalize_name(str(group)) for group in package.get("groups", ["default"])}
        # What an extra of a dependency needs is in the lock as well, by its own name.
        again = package.get("extras") and package["name"] in plain
        if belongs & (asked | {"default"}) and not again:
            hashes = [file["hash"] for file in package.get("files", []) if "hash" in file]
            lines.append(_line(package["name"], package, hashes, project.folder))
    return "".join(lines)


def from_pipenv(project: Project, lock: str, groups: Sequence[str]) -> str:
    """Return a Pipfile.lock as a requirements file.

    Raises:
        SourceError: It cannot be read, or does not fit the Pipfile, or lacks a category.
    """
    try:
        document = json.loads(lock)
        sources = document["_meta"].get("sources", [])
    except (ValueError, KeyError, AttributeError, TypeError):
        raise SourceError(
            "Pipfile.lock is not what pipenv writes; run pipenv lock and commit the file"
        ) from None
    pipfile = toml(project.tree.read("Pipfile"))
    wanted = [_of_pipfile(name, told) for name, told in table(pipfile, "packages").items()]
    default = document.get("default", {})
    versions: dict[str, list[str]] = {
        canonicalize_name(name): [str(told.get("version", "")).removeprefix("==")]
        for name, told in default.items()
    }
    _check_fit([one for one in wanted if one], versions, "Pipfile.lock", "pipenv lock")
    lines = [
        f"--extra-index-url {source['url']}\n"
        for source in sources
        if source.get("name") != _USUAL_INDEX and "url" in source
    ]
    for section in ("default", *groups):
        for name, told in document.get(section, {}).items():
            line = _line(name, told, told.get("hashes", []), project.folder)
            if line not in lines:
                lines.append(line)
    return "".join(lines)


def pipenv_groups(lock: str) -> tuple[str, ...]:
    """Return the categories of a Pipfile.lock besides the packages that are always installed."""
    try:
        document = json.loads(lock)
    except ValueError:
        return ()
    names = document if isinstance(document, dict) else {}
    return tuple(name for name in names if name not in ("_meta", "default"))


def _line(name: str, told: Mapping[str, Any], hashes: Iterable[str], folder: str) -> str:
    """Return the line of a package in a requirements file."""
    extras = told.get("extras", [])
    named = f"{name}[{','.join(extras)}]" if extras else name
    repository, commit = told.get("git"), told.get("revision") or told.get("ref") or ""
    path = told.get("path") or told.get("file")
    if repository:
        below = told.get("subdirectory")
        at = f"@{commit}" if commit else ""
        place = f"git+{_git_url(repository)}{at}{f'#subdirectory={below}' if below else ''}"
        requirement, hashes = f"{named} @ {place}", ()
    elif path and "://" not in str(path):
        requirement, hashes = f"{named} @ {in_tree(_relative(path), folder)}", ()
    elif told.get("url") or path:
        requirement = f"{named} @ {told.get('url') or path}"
    else:
        requirement = f"{named}=={str(told.get('version', '')).removeprefix('==')}"
    marker = told.get("markers") or told.get("marker")
    lines = [f"{requirement}{f' ; {marker}' if marker else ''}"]
    lines += [f"    --hash={one}" for one in sorted(hashes)]
    return " \\\n".join(lines) + "\n"


def in_tree(path: str, folder: str) -> str:
    """Return a path of the tree as it is written in a file in one of its folders.

    Raises:
        SourceError: It is outside of the tree.
    """
    whole = posixpath.normpath(posixpath.join(folder, path))
    if whole.startswith(".."):
        raise SourceError(
            f"the lock names {path}, outside of the source; use a source that contains it, with "
            "app_source.subdirectory for the project's folder"
        )
    return f"file:{posixpath.relpath(whole, folder or '.')}"


def _relative(path: str) -> str:
    return re.sub(r"^(?:file://)?/*(?:\$\{PROJECT_ROOT\}/)?", "", path)


def _git_url(repository: str) -> str:
    """Return a repository as a URL; git also takes user@host:path, which no URL is."""
    scp = re.fullmatch(r"([\w.-]+@[\w.-]+):(?!//)(.+)", repository)
    return f"ssh://{scp[1]}/{scp[2]}" if scp else repository.removeprefix("git+")


def _read_toml(lock: str) -> dict[str, Any]:
    try:
        return tomllib.loads(lock)
    except tomllib.TOMLDecodeError as error:
        raise SourceError(f"pdm.lock is not valid TOML: {error}; run pdm lock") from None


def _versions(packages: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    versions: dict[str, list[str]] = {}
    for package in packages:
        name = canonicalize_name(str(package.get("name", "")))
        versions.setdefault(name, []).append(str(package.get("version", "")))
    return versions


def _check_fit(
    wanted: Iterable[str], versions: Mapping[str, Sequence[str]], lock: str, command: str
) -> None:
    """Refuse a lock that lacks what the project asks for, or has it in a version that does not fit.

    Raises:
        SourceError: With the requirement.
    """
    for told in wanted:
        try:
            requirement = Requirement(told)
        except InvalidRequirement:
            continue
        found = versions.get(canonicalize_name(requirement.name))
        # For which machines it is locked, a marker decides.
        if found is None and requirement.marker:
            continue
        fits = found is not None and (
            requirement.url is not None
            or any(not one or requirement.specifier.contains(one, True) for one in found)
        )
        if not fits:
            seen = (
                f"has {requirement.name} {', '.join(dict.fromkeys(found))}"
                if found
                else "has none of it"
            )
            raise SourceError(
                f"{lock} is out of date: the project asks for {told}, and the lock {seen}; "
                f"run {command} and commit the file"
            )


def _of_pipfile(name: str, told: object) -> str:
    """Return an entry of a Pipfile as a requirement; empty for what is no version."""
    version = told.get("version", "*") if isinstance(told, Mapping) else told
    marked = isinstance(told, Mapping) and ("markers" in told or len(told) > 1)
    if marked:
        return ""
    specifier = "" if version == "*" else str(version)
    try:
        return f"{name}{SpecifierSet(specifier)}"
    except InvalidSpecifier:
        return ""
