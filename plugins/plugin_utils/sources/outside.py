"""Whether a folder of a repository needs something of the repository outside of that folder."""

from __future__ import annotations

import fnmatch
import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import tomllib

#: Returns the text of a file by its path from the repository's root; None if it is not there.
Read = Callable[[str], str | None]

#: Files that name dependencies, the most exact first.
DEPENDENCY_FILES = (
    *("uv.lock", "pylock.toml", "poetry.lock", "pdm.lock", "Pipfile.lock"),
    *("requirements.txt", "pyproject.toml", "setup.py", "setup.cfg"),
)
#: Tables of a pyproject.toml that say of what a project is made; a linter's `../` is not needed.
_BUILDING = ("build-system", "project", "dependency-groups")
_BUILDING_TOOLS = (
    *("uv", "poetry", "pdm", "hatch", "setuptools", "flit", "maturin"),
    *("scikit-build", "meson-python"),
)
#: A part of a value that may be a path, and what may lead it: file:, and a name of the folder.
_TOKEN = re.compile(r"[^\s;@\"']+")
_LEAD = re.compile(r"^(?:file:(?://)?)?(?:/?(?:\$?\{[^}]*\})/)?")
_REFERENCE = re.compile(
    r"^\s*(?:-r|-c|-e|--requirement|--constraint|--editable)(?:\s*=\s*|\s*)(\S+)", re.M
)
_FOLDER = re.compile(r"^\s*(?:[A-Za-z0-9._\[\],-]+\s*@\s*)?(?:file:)?(\.{1,2}/\S*|\.\.)\s*", re.M)


def reaches_outside(read: Read, subdirectory: str, file: str = "auto") -> str:
    """Return why a folder of a repository cannot be packed alone, or an empty string.

    Args:
        read: Reads the repository.
        subdirectory: The folder, from the repository's root.
        file: The file that names the dependencies, from that folder; auto if it was not chosen.
    """
    folder = clean(subdirectory)
    if not folder:
        return ""
    if file not in ("auto", "none") and not _is_inside(join(folder, file), folder):
        return f"app_dependencies.file is {file}"
    if root := workspace_root(read, folder):
        return f"it is a member of the uv workspace of {root[0]}"
    project = toml(read(join(folder, "pyproject.toml")))
    for value in _values(_building(project)):
        for path in (_LEAD.sub("", token) for token in _TOKEN.findall(value)):
            if ".." in path.split("/") and not _is_inside(join(folder, path), folder):
                return f"its pyproject.toml names {path}"
    first = "requirements.txt" if file in ("auto", "none") else file
    if found := _of_requirements(read, folder, join(folder, first), set()):
        return found
    above = governing(read, folder) if file == "auto" else ""
    return f"it has no file that names its dependencies, which {above} does" if above else ""


def clean(folder: str) -> str:
    """Return a folder of a repository in its normal form; empty for the root."""
    normal = posixpath.normpath(folder.strip("/") or ".")
    return "" if normal == "." else normal


def join(folder: str, path: str) -> str:
    """Return a path below a folder, from the repository's root."""
    return clean(posixpath.join(folder, path))


def toml(text: str | None) -> dict[str, Any]:
    """Return what a TOML file says; nothing if it is missing or wrong, which is told elsewhere."""
    try:
        return tomllib.loads(text or "")
    except tomllib.TOMLDecodeError:
        return {}


def table(document: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Return a table of a TOML document by its path; empty if it is not there."""
    found: Any = document
    for name in names:
        found = found.get(name) if isinstance(found, Mapping) else None
    return dict(found) if isinstance(found, Mapping) else {}


def parents(folder: str) -> list[str]:
    """Return the folders above one, the nearest first, and the root at the end."""
    parts = folder.split("/")
    return ["/".join(parts[:length]) for length in range(len(parts) - 1, -1, -1)]


def workspace_root(read: Read, folder: str) -> tuple[str, str] | None:
    """Return the pyproject.toml of the uv workspace that a folder is a member of, and its folder.

    As uv does: the nearest workspace above counts, and may exclude the folder.
    """
    for above in parents(folder):
        path = join(above, "pyproject.toml")
        document = toml(read(path))
        workspace = table(document, "tool", "uv", "workspace")
        if "workspace" in table(document, "tool", "uv"):
            relative = folder[len(above) :].strip("/")
            members, excluded = workspace.get("members", []), workspace.get("exclude", [])
            if _matches(relative, excluded) or not _matches(relative, members):
                return None
            return path, above
    return None


def governing(read: Read, folder: str) -> str:
    """Return the nearest file above that names dependencies, if the folder itself has none."""
    if any(read(join(folder, name)) is not None for name in DEPENDENCY_FILES):
        return ""
    for above in parents(folder):
        for name in DEPENDENCY_FILES:
            if read(join(above, name)) is not None:
                return join(above, name)
    return ""


def _matches(path: str, globs: object) -> bool:
    """Return whether a path is one that a workspace lists; a * there goes through no folder."""
    if not isinstance(globs, list):
        return False
    parts = path.split("/")
    for glob in globs:
        wanted = clean(str(glob)).split("/")
        if "**" in wanted and fnmatch.fnmatchcase(path, clean(str(glob)).replace("**/", "*")):
            return True
        if len(wanted) == len(parts) and all(map(fnmatch.fnmatchcase, parts, wanted)):
            return True
    return False


def _building(project: Mapping[str, Any]) -> list[Any]:
    tools = table(project, "tool")
    return [project.get(name) for name in _BUILDING] + [tools.get(n) for n in _BUILDING_TOOLS]


def _values(found: object) -> Iterator[str]:
    """Yield all texts in a part of a TOML document, names of entries as well."""
    if isinstance(found, Mapping):
        for name, value in found.items():
            yield str(name)
            yield from _values(value)
    elif isinstance(found, list):
        for value in found:
            yield from _values(value)
    elif isinstance(found, str):
        yield found


def _is_inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")


def _of_requirements(read: Read, folder: str, path: str, seen: set[str]) -> str:
    """Return what a requirements file and those that it includes name outside of the folder."""
    text = read(path) if path not in seen and path.endswith((".txt", ".in")) else None
    seen.add(path)
    if text is None:
        return ""
    at = posixpath.dirname(path)
    for reference in (*_REFERENCE.findall(text), *_FOLDER.findall(text)):
        told = reference.removeprefix("file:")
        if "://" in told or told.startswith("/"):
            continue
        other = join(at, told.partition("[")[0])
        if not _is_inside(other, folder):
            return f"its {path[len(folder) + 1 :]} names {told}"
        if found := _of_requirements(read, folder, other, seen):
            return found
    return ""
