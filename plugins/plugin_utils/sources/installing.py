"""How a packed tree is installed: decided on the controller, before a host is touched."""

from __future__ import annotations

import contextlib
import posixpath
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ansible_collections.asgi.fleet.plugins.module_utils.protocol.installation import Installation
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources import notices
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.built import (
    is_built,
    is_worth_telling,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.choice import Chosen, choose
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.entries import SourceError
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.exporters import from_poetry
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.locked import (
    from_pdm,
    from_pipenv,
    pipenv_groups,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.outside import join, table, toml
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.project import (
    Project,
    read_project,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.tree import Tree
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.versions import (
    version_environment,
)

with contextlib.suppress(ImportError):  # ansible-core brings it; its sanity tests have none
    from packaging.utils import canonicalize_name


@dataclass(frozen=True)
class Wishes:
    """What the user asks for, and what is known of the deployment.

    Attributes:
        file: auto, none, or the file that names the dependencies, from the project's folder.
        extras: Extras to install.
        groups: Dependency groups to install.
        package: auto, true or false: whether the project itself is built.
        python: Version of the interpreter; empty for the host's own.
        module: The callable; empty if it is to be found.
        commands: What the deployment runs with a release.
        prefix: Prefix of the variables that messages name.
    """

    file: str = "auto"
    extras: Sequence[str] = ()
    groups: Sequence[str] = ()
    package: str = "auto"
    python: str = ""
    module: str = ""
    commands: Sequence[str] = ()
    prefix: str = "app_"


@dataclass(frozen=True)
class Origin:
    """Where a tree comes from, as far as its installation needs it.

    Attributes:
        kind: The type of the source, as in app_source.
        described: What git says of the commit; empty outside of git.
        cache: A folder of the controller.
        exporter_lock: The lock of Poetry and its exporter.
    """

    kind: str = "path"
    described: str = ""
    cache: str = ""
    exporter_lock: str = ""


def plan(tree: Tree, folder: str, wishes: Wishes, origin: Origin) -> Installation:
    """Decide how the project in a folder of a packed tree is installed.

    Raises:
        SourceError: It cannot be, or not as it was asked for.
    """
    prefix = wishes.prefix
    chosen = choose(tree, folder, wishes.file, prefix)
    project = read_project(tree, folder)
    groups = _check_choices(chosen, tree, wishes)
    lock = tree.read(chosen.path) or "" if chosen.kind == "uv.lock" else ""
    reason = _reason(project, chosen, wishes, lock)
    package = not reason
    if chosen.kind == "pyproject.toml" and not package:
        _refuse_poetry_without_lock(chosen.project)
    environment: dict[str, str] = {}
    for one in [project] if package else []:
        environment |= version_environment(one, origin.described, origin.kind)
    for one in _siblings(tree, lock, chosen.path, folder):
        environment |= version_environment(one, origin.described, origin.kind)
    notes = [*chosen.notes]
    if is_worth_telling(reason):
        notes.append(f"{reason}: the project is not built, its source is served as it is")
    if not package:
        notes += notices.of_layout(project, wishes.module, prefix)
    if chosen.kind not in ("", "requirements.txt", "Pipfile.lock"):
        notes += notices.of_choices(chosen.project, wishes.extras, groups, prefix)
    notes += notices.of_python(project, wishes.python, prefix)
    notes += notices.of_files(project, wishes.commands, prefix)
    return Installation(
        file=chosen.path,
        exported=_exported(tree, chosen, wishes, origin),
        extras=tuple(wishes.extras),
        groups=tuple(groups),
        package=package,
        name=chosen.project.name,
        build_environment=environment,
        notes=tuple(notes),
    )


def refuse_wishes(kind: str, wishes: Wishes) -> None:
    """Refuse wishes for a source that is installed as it is.

    Args:
        kind: wheel or package.
        wishes: What the user asks for.

    Raises:
        SourceError: There are wishes.
    """
    given = {"file": wishes.file != "auto", "extras": wishes.extras, "groups": wishes.groups}
    told = [name for name, is_given in given.items() if is_given]
    name = f"dependencies.{told[0]}" if told else "package" if wishes.package != "auto" else ""
    if name:
        advice = "put extras into app_source.extras" if kind == "package" else "remove it"
        raise SourceError(
            f"{wishes.prefix}{name} is set, and app_source is a {kind}, which is installed as it "
            f"is; {advice}"
        )


def _reason(project: Project, chosen: Chosen, wishes: Wishes, lock: str) -> str:
    """Return why the project is not built; an empty string if it is."""
    lock_folder = posixpath.dirname(chosen.path)
    if chosen.kind not in ("setup.py", "setup.cfg"):
        return is_built(project, wishes.package, lock, lock_folder, wishes.prefix)
    if wishes.package == "false":
        raise SourceError(
            f"{wishes.prefix}package is false; {chosen.path} tells its dependencies only when it "
            f"is built; name them in a requirements.txt, or set {wishes.prefix}package to auto"
        )
    return ""


def _check_choices(chosen: Chosen, tree: Tree, wishes: Wishes) -> list[str]:
    """Return the groups to install: those asked for, and those that the project always takes.

    Raises:
        SourceError: Extras or groups were asked for that are not there.
    """
    extras, groups = _choices(chosen, tree)
    for kind, wanted, there in (
        ("extras", wishes.extras, extras),
        ("groups", wishes.groups, groups),
    ):
        if not wanted:
            continue
        seen = f"{wishes.prefix}dependencies.{kind} is [{', '.join(wanted)}]"
        if there is None:
            what = f"{chosen.path} has no {kind}" if chosen.path else "nothing is installed"
            raise SourceError(
                f"{seen}, but {what}; set {wishes.prefix}dependencies.file to a lock or "
                f"pyproject.toml, or remove {kind}"
            )
        known = {canonicalize_name(name) for name in there}
        missing = [name for name in wanted if canonicalize_name(name) not in known]
        if missing:
            told = f"has the {kind} {', '.join(sorted(there))}" if there else f"has no {kind}"
            told_by = ("Pipfile.lock", "pylock.toml")
            named = chosen.path if chosen.kind in told_by else "pyproject.toml"
            raise SourceError(f"{seen}; {named} {told}; remove {', '.join(missing)}, or add it")
    always = chosen.project.default_groups if chosen.kind in ("uv.lock", "pyproject.toml") else ()
    return list(dict.fromkeys([*wishes.groups, *(name for name in always if name != "dev")]))


def _choices(chosen: Chosen, tree: Tree) -> tuple[Iterable[str] | None, Iterable[str] | None]:
    """Return the extras and the groups that a file knows; None if it can have none."""
    project = chosen.project
    if chosen.kind in ("uv.lock", "pyproject.toml", "poetry.lock", "pdm.lock"):
        return project.extras, project.groups
    if chosen.kind == "pylock.toml":
        lock = toml(tree.read(chosen.path))
        return lock.get("extras", []), lock.get("dependency-groups", [])
    if chosen.kind == "Pipfile.lock":
        return None, pipenv_groups(tree.read(chosen.path) or "")
    return None, None


def _exported(tree: Tree, chosen: Chosen, wishes: Wishes, origin: Origin) -> str:
    """Return the lock as a requirements file, if uv cannot read it."""
    text = tree.read(chosen.path) or ""
    if chosen.kind == "pdm.lock":
        return from_pdm(chosen.project, text, wishes.extras, wishes.groups)
    if chosen.kind == "Pipfile.lock":
        return from_pipenv(chosen.project, text, wishes.groups)
    if chosen.kind == "poetry.lock":
        return from_poetry(
            *(chosen.project, text, wishes.extras, wishes.groups),
            *(origin.cache, origin.exporter_lock),
        )
    return ""


def _refuse_poetry_without_lock(project: Project) -> None:
    """Refuse what only Poetry can read, and would read only to build a package.

    Raises:
        SourceError: The dependencies are Poetry's.
    """
    if "project" in project.document or "poetry" not in table(project.document, "tool"):
        return
    raise SourceError(
        "the dependencies are in [tool.poetry] of pyproject.toml, which only Poetry reads, and "
        "there is no poetry.lock; run poetry lock and commit the file"
    )


def _siblings(tree: Tree, lock: str, path: str, folder: str) -> list[Project]:
    """Return the other projects of the tree that a uv.lock has built."""
    found = []
    for package in toml(lock).get("package", []):
        source = table(package, "source")
        place = source.get("editable") or source.get("directory")
        if isinstance(place, str):
            at = join(posixpath.dirname(path), place)
            if at != folder and join(at, "pyproject.toml") in tree.paths:
                found.append(read_project(tree, at))
    return found
