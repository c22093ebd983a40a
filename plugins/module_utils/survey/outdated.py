"""Which units still run on files that an update has replaced. Only reads.

An update of OpenSSL or of Python protects a process only from its next start on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

#: Bytes that are read of a process's memory map.
MOST_BYTES = 4 * 1024 * 1024
#: Where packages have their programs and libraries. An application cannot map a file from there
#: that is not the host's.
PLACES = ("/usr/lib/", "/usr/bin/", "/usr/sbin/", "/lib/", "/bin/", "/sbin/")
#: The names of those that carry requests.
NAME = re.compile(
    r"(?:lib(?:ssl|crypto|python3)|ngx_)[\w.+-]*\.so[\w.]*|nginx|haproxy|python3\.\d+"
)
#: What the kernel appends to the path of a mapped file that is gone (proc_pid_maps(5)).
GONE = " (deleted)"
#: Fields of a line before its path.
FIELDS = 5


def outdated(pids: Mapping[str, int], root: Path = Path("/")) -> dict[str, list[str]]:
    """Return the replaced files that the units' main processes still run on.

    Args:
        pids: The main process of each unit; 0 for none.
        root: `/`, or a test's tree.
    """
    found = {unit: replaced_files(_maps(root, pid)) for unit, pid in pids.items() if pid}
    return {unit: files for unit, files in found.items() if files}


def replaced_files(maps: str) -> list[str]:
    """Return the names of the replaced files in a memory map."""
    found = set()
    for line in maps.split("\n"):
        path = line.split(None, FIELDS)[-1] if line.endswith(GONE) else ""
        name = path.removesuffix(GONE).rpartition("/")[2]
        if path.startswith(PLACES) and NAME.fullmatch(name):
            found.add(name)
    return sorted(found)


def _maps(root: Path, pid: int) -> str:
    try:
        with (root / f"proc/{pid}/maps").open("rb") as file:
            return file.read(MOST_BYTES).decode(errors="replace")
    except OSError:
        return ""
