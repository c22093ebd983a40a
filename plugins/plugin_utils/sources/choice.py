"""Which file of a packed tree names the dependencies: the most exact one, or the one asked for."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass

from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.entries import SourceError
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.outside import (
    DEPENDENCY_FILES,
    governing,
    join,
    table,
    workspace_root,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.project import (
    Project,
    read_project,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.tree import Tree

#: Files that look as if they named dependencies, in the project's folder or one below.
_LOOKALIKE = re.compile(
    r"([^/]+/)?([^/]*requirements[^/]*\.(txt|in|lock)|pylock\.[^/]+\.toml)|requirements/[^/]+\.(txt|in)"
    r"|Pipfile|(conda-)?environment[^/]*\.ya?ml|conda-lock\.ya?ml|pixi\.(toml|lock)"
)
#: Those of them that are locks, of tools that leave the order to their users.
_LOCKED = re.compile(
    r".*(requirements[^/]*\.lock|pylock\.[^/]+\.toml|conda-lock\.ya?ml|pixi\.lock)"
)
#: Requirements of those who work on a project.
_OF_DEVELOPMENT = re.compile(r".*(dev|test|doc|lint|typing|ci\b|\.in$).*")
#: Dependencies of a script that `uv run` reads (PEP 723).
_SCRIPT = re.compile(r"^# /// script$.*?^# dependencies = \[[^]]*[\"']", re.M | re.S)
#: Folders whose requirements are not the application's.
_ASIDE = ("doc", "docs", "test", "tests", "example", "examples", "benchmarks", ".github")
#: Names of requirements files that a host would get, the likeliest first.
_LIKELY = ("prod", "deploy", "live", "server", "main", "requirements.txt", "base", "common")
#: What makes one of the files that are read from one that is not.
_COMMANDS = (
    (r"Pipfile$", "run pipenv lock and commit Pipfile.lock"),
    (r"\.in$", "run uv pip compile {0} --output-file requirements.txt and commit the file"),
    (
        r"\.ya?ml$|pixi\.",
        "list what it takes from PyPI in a requirements.txt, since uv installs nothing from conda",
    ),
)


@dataclass(frozen=True)
class Chosen:
    """The file that names the dependencies.

    Attributes:
        path: Where it is in the packed tree; empty for none.
        project: The project whose dependencies it names, with the extras and groups to choose from.
        notes: What is not used, and why.
    """

    path: str
    project: Project
    notes: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """The kind of file: one of DEPENDENCY_FILES, or empty for none."""
        return kind_of(self.path)


def kind_of(path: str) -> str:
    """Return which of DEPENDENCY_FILES a file is one of, or an empty string."""
    name = posixpath.basename(path)
    if re.fullmatch(r"pylock(\.[^.]+)?\.toml", name):
        return "pylock.toml"
    if name in DEPENDENCY_FILES:
        return name
    is_requirements = name.endswith((".txt", ".in")) or re.search(r"requirements.*\.lock$", name)
    return "requirements.txt" if is_requirements else ""


def choose(tree: Tree, folder: str, wanted: str, prefix: str) -> Chosen:
    """Choose the file that names the dependencies of the project in a folder.

    Args:
        tree: The packed tree.
        folder: The project's folder in it.
        wanted: auto, none, or the path of a file from that folder.
        prefix: Prefix of the variables that messages name.

    Raises:
        SourceError: The wanted file is not there or cannot be used, or only others are there.
    """
    project = read_project(tree, folder)
    if wanted == "none":
        return Chosen("", project)
    if wanted != "auto":
        return _wanted(tree, project, wanted, prefix)
    root = workspace_root(tree.read, folder) if folder else None
    shared = join(root[1], "uv.lock") if root else ""
    found = [shared] if shared in tree.paths else []
    found += [join(folder, name) for name in _own(project)]
    if found:
        lookalikes = [] if _is_exact(found[0]) else _lookalikes(project)
        _refuse_unread_lock([path for path in lookalikes if _LOCKED.fullmatch(path)], prefix)
        notes = [
            f"{told} is not used: {_shown(found[0], folder)} is more exact; {prefix}dependencies: "
            f"{{file: {told}}} takes it"
            for told in (_shown(path, folder) for path in _unused(project, found))
        ]
        notes += [
            f"{path} is not used: {_shown(found[0], folder)} names the dependencies; "
            f"{prefix}dependencies: {{file: {path}}} takes it"
            for path in lookalikes[:1]
            if kind_of(path) and not _OF_DEVELOPMENT.fullmatch(path)
        ]
        if shared and shared != found[0] and found[0].endswith("pyproject.toml"):
            notes.append(
                "the uv workspace has no uv.lock: the newest versions that fit are installed; "
                "run uv lock and commit the file"
            )
        return Chosen(found[0], project, tuple(notes))
    if seen := _lookalikes(project):
        raise SourceError(_only_others(seen, prefix))
    if folder and (above := governing(tree.read, folder)):
        note = f"{above} names the dependencies: {folder} has no such file of its own"
        return Chosen(above, read_project(tree, posixpath.dirname(above)), (note,))
    _refuse_script(project, prefix)
    note = (
        "the source has no file that names its dependencies, so that only "
        "python_release_server_packages are installed"
    )
    return Chosen("", project, (note,))


def _is_exact(path: str) -> bool:
    """Return whether a file is one that whoever has it means to be installed."""
    return kind_of(path) not in ("pyproject.toml", "setup.py", "setup.cfg")


def _refuse_unread_lock(locks: list[str], prefix: str) -> None:
    """Refuse to install other versions than a lock has.

    Raises:
        SourceError: There is a lock that is not read by itself.
    """
    if locks:
        advice = (
            f"set {prefix}dependencies: {{file: {locks[0]}}} to install what it has"
            if kind_of(locks[0])
            else _command(locks[0])
        )
        raise SourceError(
            f"{prefix}dependencies.file is auto; the source has {', '.join(locks)}, which is not "
            f"read by itself; {advice}, or {prefix}dependencies: {{file: pyproject.toml}} for the "
            "newest versions that fit"
        )


def _refuse_script(project: Project, prefix: str) -> None:
    """Refuse dependencies that stand in a script, where only uv run and its like find them.

    Raises:
        SourceError: There are such.
    """
    for path in sorted(project.tree.paths):
        if "/" not in path and _SCRIPT.search(project.tree.read(path) or ""):
            raise SourceError(
                f"{prefix}dependencies.file is auto; {path} names its dependencies in a block for "
                "uv run (PEP 723), and there is no other file that does; write them into "
                f"requirements.txt or pyproject.toml, or set {prefix}dependencies: {{file: none}} "
                "to install none"
            )


def _own(project: Project) -> list[str]:
    """Return the files in the project's folder that name its dependencies, the most exact first."""
    present = [name for name in DEPENDENCY_FILES if name in project.tree.paths]
    if "pyproject.toml" in present and not project.names_dependencies:
        present.remove("pyproject.toml")
    if "setup.cfg" in present and ("setup.py" in present or not project.has_setup):
        present.remove("setup.cfg")
    if "pyproject.toml" in present:
        # They describe one and the same project.
        present = [name for name in present if not name.startswith("setup.")]
    return present


def _unused(project: Project, found: list[str]) -> list[str]:
    """Return the files that could have been used, and say something of their own."""
    used, *others = found
    kind = kind_of(used)
    lock_of_pyproject = kind in ("uv.lock", "pylock.toml", "poetry.lock", "pdm.lock")
    unused = []
    for path in others:
        name = posixpath.basename(path)
        if name == "pyproject.toml" and (
            lock_of_pyproject or not _has_dependencies(project) or _is_compiled(project, used)
        ):
            continue
        if name.startswith("setup.") and kind == "requirements.txt":
            continue
        unused.append(path)
    return unused


def _has_dependencies(project: Project) -> bool:
    poetry = set(table(project.document, "tool", "poetry", "dependencies")) - {"python"}
    return bool(project.requirements or poetry)


def _is_compiled(project: Project, used: str) -> bool:
    """Return whether a requirements file says that it was made from the pyproject.toml."""
    head = (project.tree.read(posixpath.basename(used)) or "")[:2000]
    return any("pyproject.toml" in line for line in head.splitlines() if line.startswith("#"))


def _wanted(tree: Tree, project: Project, wanted: str, prefix: str) -> Chosen:
    path = join(project.folder, wanted)
    seen = f"{prefix}dependencies.file is {wanted}"
    if path not in tree.paths:
        there = list(dict.fromkeys([*_own(project), *_lookalikes(project)]))
        told = f"the source has {', '.join(there[:8])}" if there else "the source has no such file"
        raise SourceError(
            f"{seen}; {told}; name one of them, by its path from the project's folder"
        )
    kind = kind_of(path)
    if not kind:
        raise SourceError(
            f"{seen}; expected a lock file (uv.lock, pylock.toml, poetry.lock, pdm.lock or "
            f"Pipfile.lock), a requirements file (.txt) or pyproject.toml; {_command(wanted)}"
        )
    folder = posixpath.dirname(path)
    if kind == "requirements.txt" or folder == project.folder:
        return Chosen(path, project)
    root = workspace_root(tree.read, project.folder) if project.folder else None
    if kind == "uv.lock" and root and root[1] == folder:
        return Chosen(path, project)
    return Chosen(path, read_project(tree, folder))


def _lookalikes(project: Project) -> list[str]:
    found = [
        path
        for path in sorted(project.tree.paths)
        if _LOOKALIKE.fullmatch(path) and path.partition("/")[0] not in _ASIDE
    ]
    return sorted(found, key=_likelihood)


def _likelihood(path: str) -> tuple[int, str]:
    name = path.lower()
    readable = 0 if name.endswith((".txt", ".toml")) else len(_LIKELY) + 1
    rank = next((index for index, word in enumerate(_LIKELY) if word in name), len(_LIKELY))
    return readable + rank, name


def _only_others(seen: Iterable[str], prefix: str) -> str:
    first, *_others = listed = list(seen)
    advice = (
        f"set {prefix}dependencies: {{file: {first}}}"
        if kind_of(first) and not first.endswith(".in")
        else _command(first)
    )
    return (
        f"{prefix}dependencies.file is auto; the source has {', '.join(listed[:8])}, but none of "
        f"{', '.join(DEPENDENCY_FILES)}; {advice}, or {prefix}dependencies: {{file: none}} to "
        "install none"
    )


def _command(path: str) -> str:
    for pattern, command in _COMMANDS:
        if re.search(pattern, path):
            return command.format(path)
    return "name another file"


def _shown(path: str, folder: str) -> str:
    """Return a path as it is written from the project's folder."""
    return posixpath.relpath(path, folder or ".")
