"""Which units still run on files that an update has replaced. Only reads.

An update of OpenSSL or of Python protects a process only from its next start on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

#: Bytes that are read of a process's memory map.
MOST_BYTES = 4 * 1024 * 1024
#: Of what a process has mapped, the programs and libraries that carry requests. Below /usr, since
#: what an application maps of its own is none of the host's packages (proc_pid_maps(5)).
REPLACED = re.compile(
    r" /(?:usr/)?(?:s?bin|lib)/(?:[^\n]*/)?"
    r"((?:lib(?:ssl|crypto|python3)|ngx_)[^/\n]*\.so[^/\n]*|nginx|haproxy|python3\.\d+)"
    r" \(deleted\)$",
    re.MULTILINE,
)


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
    return sorted(set(REPLACED.findall(maps)))


def _maps(root: Path, pid: int) -> str:
    try:
        with (root / f"proc/{pid}/maps").open("rb") as file:
            return file.read(MOST_BYTES).decode(errors="replace")
    except OSError:
        return ""
