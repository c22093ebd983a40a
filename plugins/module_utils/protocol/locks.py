"""Whether the file that names an application's dependencies has a hash for each.

The controller reads it in the packed source, to refuse before a host is touched; the host reads it
to decide how they are installed.
"""

from __future__ import annotations

import re

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


def has_hashes(name: str, text: str) -> bool:
    """Return whether a dependency file names the content of everything that is downloaded.

    What comes from a commit or from the source's own folder needs no hash.

    Args:
        name: Its name; requirements.txt for any requirements file, and for an exported lock.
        text: What it says.
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
        "python_release_require_hashes is true; expected a lock (of uv, Poetry, PDM or Pipenv, or "
        "a pylock.toml) or one requirements.txt that has a hash for every package, but "
        f"{seen}; {advice}"
    )
