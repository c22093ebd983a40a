"""Several small files of a host at once: which are to be written or removed, and how they differ.

`plan` is pure. The module `config_files` reads, and writes by `nginx_config.replace_file`: one
rename a file, so that nobody reads half of one.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.asgi.fleet.plugins.module_utils.servers.nginx import MODE, Changes


@dataclass(frozen=True)
class Found:
    """What is at a path.

    Attributes:
        text: Its content.
        proper: Whether it is a file of who runs this, with the mode 0644, and no link.
    """

    text: str
    proper: bool = True


def look(paths: Iterable[str]) -> dict[str, Found | None]:
    """Read what is at the paths; None for nothing. A link is read as what it leads to."""
    found: dict[str, Found | None] = {}
    for path in map(Path, paths):
        if not path.exists() and not path.is_symlink():
            found[str(path)] = None
            continue
        status = path.lstat()
        found[str(path)] = Found(
            path.read_text(encoding="utf-8", errors="surrogateescape") if path.exists() else "",
            proper=(status.st_uid, status.st_gid) == (os.geteuid(), os.getegid())
            and stat.S_ISREG(status.st_mode)
            and stat.S_IMODE(status.st_mode) == MODE,
        )
    return found


def plan(
    files: Mapping[str, str], absent: Iterable[str], found: Mapping[str, Found | None]
) -> Changes:
    """Compare what is wanted with what is there.

    Args:
        files: Wanted content by path.
        absent: Paths at which there should be nothing.
        found: From `look`, for all these paths.
    """
    write = {path: text for path, text in files.items() if found[path] != Found(text)}
    remove = tuple(sorted(path for path in absent if found[path] is not None))
    before = {path: file.text if file else None for path, file in found.items()}
    return Changes(write, remove, {path: before[path] for path in [*write, *remove]})


def refusals(files: Iterable[str], absent: Iterable[str]) -> list[str]:
    """Return a refusal for each path that cannot be meant."""
    wanted, unwanted = set(files), set(absent)
    wrong = [
        f"the path {path} is not absolute; expected one from / on; correct files or absent"
        for path in sorted(wanted | unwanted)
        if not path.startswith("/")
    ]
    return wrong + [
        f"the path {path} is both in files and in absent; expected one of them; remove the other"
        for path in sorted(wanted & unwanted)
    ]
