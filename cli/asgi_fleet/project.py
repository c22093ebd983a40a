"""What a folder tells of the application in it, and what the collection says of an answer.

By the collection's own code: `places.make_importable` comes before this module is imported.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import Findings
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.spec import BY_NAME
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.callable import (
    USUAL_FILES,
    applications,
    resolve,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.credentials import (
    of_caller,
    separate,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.entries import SourceError
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.folder import FolderTree
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.git import run_git
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.project import read_project
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.selection import Selection
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.tree import Tree

#: A folder with one of these is a project.
TELLING = ("pyproject.toml", "requirements.txt", "setup.py", "setup.cfg", "Pipfile", *USUAL_FILES)
#: The longest name that a service account may have (values.app_name).
NAME_LENGTH = 31
#: The branch of a repository that does not say which one is its first.
USUAL_BRANCH = "main"


@dataclass(frozen=True)
class Found:
    """What a folder tells.

    Attributes:
        source: `app_source`; empty if there is no project.
        name: `app_name`; empty if nothing gives one.
        module: `app_module`; empty if none was found.
        note: How it was found, or why not.
    """

    source: Mapping[str, str] = field(default_factory=dict)
    name: str = ""
    module: str = ""
    note: str = ""


def look(folder: Path) -> Found:
    """Return what a folder of this machine tells."""
    if not any((folder / name).is_file() for name in TELLING):
        return Found()
    module, note = module_in(folder)
    return Found(source_of(folder), name_in(folder), module, note)


def module_in(folder: Path) -> tuple[str, str]:
    """Return the application in a folder, or an empty text, and a note."""
    tree = FolderTree(str(folder))
    paths = [entry.path for entry in Selection({}).gather(tree, "") if not entry.folder]
    try:
        resolved = resolve("", paths, tree.read)
    except SourceError as error:
        likely = next(iter(applications(paths, tree.read)), "")
        return likely, f"was found in {_file_of(likely, paths)}" if likely else str(error)
    if "[tool.fastapi]" in resolved.notes[0]:
        return resolved.module, "is what [tool.fastapi] in pyproject.toml names"
    return resolved.module, f"was found in {_file_of(resolved.module, paths)}"


def name_in(folder: Path) -> str:
    """Return the name of the project in a folder, or of the folder, as an `app_name`."""
    tree = FolderTree(str(folder))
    texts = {name: text for name in TELLING if (text := tree.read(name)) is not None}
    try:
        told = read_project(Tree.of(texts), "").name
    except SourceError:
        told = ""
    return app_name(told) or app_name(folder.resolve().name)


def app_name(text: str) -> str:
    """Return a text as an `app_name`; empty if nothing of it can be one."""
    name = re.sub(r"[^a-z0-9]+", "-", text.lower()).lstrip("-0123456789")[:NAME_LENGTH].strip("-")
    return name if name and not refusal("app_name", name) else ""


def source_of(folder: Path) -> dict[str, str]:
    """Return a source for a folder: its repository's first remote and its branch, or itself."""
    itself = {"type": "path", "path": str(folder.resolve())}
    try:
        root = _git(folder, "rev-parse", "--show-toplevel")
        remotes = _git(folder, "remote").splitlines()
        if not remotes:
            return itself
        remote = "origin" if "origin" in remotes else remotes[0]
        url = separate(_git(folder, "remote", "get-url", remote))[0]
        version = _branch(folder) or _git(folder, "rev-parse", "HEAD")
    except (SourceError, OSError):
        return itself
    subdirectory = os.path.relpath(folder.resolve(), root)
    below = {} if subdirectory == "." else {"subdirectory": subdirectory}
    return {"type": "git", "url": url, "version": version, **below}


def first_branch(url: str) -> str:
    """Return the branch that a repository names first; the usual one if it cannot be asked."""
    try:
        told = _git(Path.cwd(), "ls-remote", "--symref", "--", url, "HEAD")
    except (SourceError, OSError):
        return USUAL_BRANCH
    found = re.search(r"^ref: refs/heads/(\S+)\s+HEAD$", told, re.MULTILINE)
    return found[1] if found else USUAL_BRANCH


def refusal(variable: str, value: object) -> str:
    """Return what the collection says against a value of a variable; empty if nothing."""
    findings = Findings(variable, "give another one")
    BY_NAME[variable].check(value, findings)
    return "; ".join(problem.message for problem in findings.problems)


def _file_of(module: str, paths: Sequence[str]) -> str:
    below = module.partition(":")[0].replace(".", "/")
    names = (f"{below}.py", f"{below}/__init__.py", f"src/{below}.py", f"src/{below}/__init__.py")
    return next((name for name in names if name in paths), module)


def _branch(folder: Path) -> str:
    try:
        return _git(folder, "symbolic-ref", "--short", "HEAD")
    except SourceError:
        return ""


def _git(folder: Path, *arguments: str) -> str:
    told = of_caller(os.environ)
    return run_git(*arguments, environment=told, folder=str(folder)).decode().strip()
