"""What a project has and a deployment does not use: told, so that nothing is ignored in silence."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Sequence

from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.entries import SourceError
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.outside import table, toml
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.project import Project

with contextlib.suppress(ImportError):  # ansible-core brings it; its sanity tests have none
    from packaging.specifiers import InvalidSpecifier, SpecifierSet
    from packaging.utils import canonicalize_name
    from packaging.version import Version

#: Extras and groups of those who work on a project: not installed, and not worth a word.
_OF_DEVELOPMENT = re.compile(
    r"(dev|devel|development|tests?|testing|docs?|documentation|lint|linting|linters?|fmt|format"
    r"|formatting|style|types?|typing|mypy|pyright|checks?|quality|qa|ci|coverage|cov|bench(marks?)?"
    r"|examples?|release|build|all|full|github-actions|pre-commit|tools?|tooling|debug|notebooks?"
    r"|jupyter|nox|tox)([-_].*)?"
)
#: How other places run the application.
_RUN_BY = ("Procfile", "fly.toml", "app.yaml", "render.yaml", "supervisord.conf")
#: The newest patch level that any Python may have.
_PATCH_LEVELS = range(60)
#: Debian 13's own, which is all that a project needs that does not ask for a newer one.
_USUAL = "3.13"
_MINORS = range(10, 40)


def of_choices(
    project: Project, extras: Iterable[str], groups: Iterable[str], prefix: str
) -> list[str]:
    """Return a note of the extras and groups that exist and are not installed."""
    taken = {canonicalize_name(name) for name in (*extras, *groups)}
    notes = []
    for kind, names in (("extras", project.extras), ("groups", project.groups)):
        left = [
            name
            for name in names
            if canonicalize_name(name) not in taken and not _OF_DEVELOPMENT.fullmatch(name.lower())
        ]
        if left:
            notes.append(
                f"the {kind} {', '.join(left)} of pyproject.toml are not installed; "
                f"{prefix}dependencies: {{{kind}: [{', '.join(left)}]}} installs them"
            )
    return notes


def of_python(project: Project, python: str, prefix: str) -> list[str]:
    """Return notes of the Python that the project names.

    Args:
        project: The project.
        python: The version that was chosen; empty for the host's own.
        prefix: Prefix of the variables that messages name.

    Raises:
        SourceError: The chosen one does not fit.
    """
    needed = project.python
    if needed and python and not _fits(needed, python):
        raise SourceError(
            f"{prefix}python is {python}; pyproject.toml requires Python {needed}; set "
            f"{prefix}python to a version that fits"
        )
    pinned = _pinned(project)
    if pinned and not python:
        file, version = pinned
        return [
            f"{file} names Python {version}: a host takes its own python3 unless "
            f'{prefix}python: "{version}" asks for that one'
        ]
    if pinned and pinned[1] != python:
        return [f"{pinned[0]} names Python {pinned[1]}, and {prefix}python is {python}"]
    if needed and not python and not _fits(needed, _USUAL):
        least = next((f"3.{minor}" for minor in _MINORS if _fits(needed, f"3.{minor}")), "")
        return [
            f'pyproject.toml requires Python {needed}: {prefix}python: "{least}" gives it to a '
            "host whose own does not fit"
        ]
    return []


def of_files(project: Project, commands: Sequence[str], prefix: str) -> list[str]:
    """Return notes of files that say how the application is run, migrated or configured.

    Args:
        project: The project.
        commands: What the deployment runs with a release.
        prefix: Prefix of the variables that messages name.
    """
    paths = project.tree.paths
    notes = []
    if found := [name for name in _RUN_BY if name in paths]:
        notes.append(
            f"{', '.join(found)}: not read; {prefix}module, {prefix}workers, {prefix}env and "
            f"{prefix}hooks say how the application runs"
        )
    if "alembic.ini" in paths and not any("alembic" in text for text in _run(project, commands)):
        notes.append(
            f"alembic.ini is there, and no hook runs it; {prefix}hooks: {{before_rollout: [alembic "
            "upgrade head]} migrates the database with each release"
        )
    return notes


def _run(project: Project, commands: Sequence[str]) -> list[str]:
    """Return commands, and the texts of the project's own scripts that they run."""
    words = [word for command in commands for word in command.split()]
    return [*commands, *(project.tree.read(word) or "" for word in words)]


def of_layout(project: Project, module: str, prefix: str) -> list[str]:
    """Return a note if what is served is found only once the project is built."""
    top = re.split(r"[.:]", module)[0]
    paths = project.tree.paths
    here = f"{top}.py" in paths or project.tree.has_folder(top)
    below = f"src/{top}.py" in paths or project.tree.has_folder(f"src/{top}")
    if not top or here or not below:
        return []
    return [
        f"{top} of {prefix}module is in src/, from where Python imports it only if the project is "
        f"built; {prefix}package: true builds it, or set {prefix}module: src.{module}"
    ]


def _pinned(project: Project) -> tuple[str, str] | None:
    """Return the file that pins a version of Python, and the version's first two numbers."""
    for name in (".python-version", "runtime.txt"):
        text = project.tree.read(name) or ""
        found = re.match(r"(?:\s*#.*\n)*\s*(?:c?python-?|cpython@)?(3\.\d+)", text)
        if found:
            return name, found[1]
    asked = table(toml(project.tree.read("Pipfile")), "requires").get("python_version")
    return ("Pipfile", asked) if isinstance(asked, str) and asked else None


def _fits(needed: str, python: str) -> bool:
    try:
        specifier = SpecifierSet(needed)
    except InvalidSpecifier:
        return True
    levels = (Version(f"{python}.{patch}") for patch in _PATCH_LEVELS)
    return any(specifier.contains(level) for level in levels)
