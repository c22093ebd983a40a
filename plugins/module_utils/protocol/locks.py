"""The files that name an application's dependencies, and whether they have a hash for each.

The controller reads them in the packed source, to refuse before a host is touched; the host reads
them to decide how they are installed.
"""

from __future__ import annotations

import re

#: Files that name the dependencies, the most exact first.
DEPENDENCY_FILES = ("uv.lock", "pylock.toml", "requirements.txt", "pyproject.toml")

#: Lines of a requirements.txt that refer to other files: their text is not complete.
_LEADS_ELSEWHERE = re.compile(
    r"^\s*(-r|-c|-e|--requirement|--constraint|--editable|\.|/|file:)", re.M
)
#: A requirement; the lines that continue it, comments and options begin otherwise.
_REQUIREMENT = re.compile(r"^[ \t]*[A-Za-z0-9].*?(?<!\\)$", re.M | re.S)
#: A file of a package in uv.lock: where it is, and from an index that tells it, its hash.
_FILE_IN_UV_LOCK = re.compile(r"(?<!source = )\{ (?:url|path|filename) = [^{}]*\}")
#: In pylock.toml the hashes of a file must be there (PEP 751), but uv writes and takes none.
_EMPTY_IN_PYLOCK = re.compile(r"hashes\s*=\s*\{\s*\}")


def dependency_file_of(present: list[str], wanted: str) -> str:
    """Return the file that is used: the wanted one, or the most exact one present; else nothing."""
    if wanted != "auto":
        return wanted if wanted in present else ""
    return next((name for name in DEPENDENCY_FILES if name in present), "")


def has_hashes(name: str, text: str) -> bool:
    """Return whether a dependency file names the content of everything that is downloaded.

    What comes from a commit or from the source's own folder needs no hash.
    """
    if name == "uv.lock":
        return all("hash = " in file for file in _FILE_IN_UV_LOCK.findall(text))
    if name == "pylock.toml":
        return not _EMPTY_IN_PYLOCK.search(text)
    if name == "requirements.txt":
        requirements = _REQUIREMENT.findall(text)
        return (
            bool(requirements)
            and not _LEADS_ELSEWHERE.search(text)
            and all("--hash=" in requirement for requirement in requirements)
        )
    return False


def without_hashes(kind: str, name: str) -> str:
    """Return why python_release_require_hashes refuses, and what to do.

    Args:
        kind: tree, wheel or package, as the source was packed.
        name: The file that names the dependencies; empty for none.
    """
    if kind != "tree":
        seen = f"a {kind} names its dependencies without hashes"
        advice = "deploy the application's folder, repository or archive with its lock"
    else:
        seen = f"{name} does not" if name else "there is no file that names the dependencies"
        advice = (
            "run uv lock, or uv pip compile --generate-hashes requirements.in --output-file "
            "requirements.txt, and commit the file"
        )
    return (
        "python_release_require_hashes is true; expected a uv.lock, a pylock.toml or one "
        f"requirements.txt that has a hash for every package, but {seen}; {advice}"
    )
