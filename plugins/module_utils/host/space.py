"""File systems of a host that are full, or as good as."""

from __future__ import annotations

import os
from pathlib import Path

MIB = 1 << 20
#: Folders that a deploy writes to, below "/", and the MiB without which nothing can be installed.
#: What a release needs, its build alone finds out. Those in memory are small on small hosts.
FOLDERS = {
    **dict.fromkeys(("opt", "etc", "var/lib", "var/cache"), 32),
    **dict.fromkeys(("run", "tmp", "var/tmp"), 4),
}
LEAST_FILES = 1000


def full(root: Path = Path("/")) -> list[str]:
    """Return a sentence for each file system that has no room.

    Args:
        root: `/`, or a test's tree.
    """
    of_device: dict[int, dict[Path, int]] = {}
    for name, least in FOLDERS.items():
        if (root / name).is_dir():
            device = (root / name).stat().st_dev
            of_device.setdefault(device, {})[root / name] = least
    told = (_told(list(one), max(one.values())) for one in of_device.values())
    return list(filter(None, told))


def _told(folders: list[Path], least: int) -> str:
    """Return what is wrong with the one file system of these folders."""
    known = os.statvfs(folders[0])
    free, size = (blocks * known.f_frsize // MIB for blocks in (known.f_bavail, known.f_blocks))
    named = f"the file system of {', '.join(map(str, folders))} has too little room"
    # Some, such as btrfs, count no files.
    if known.f_files and known.f_favail < LEAST_FILES:
        return (
            f"{named}: {known.f_favail} more files fit into it (`df --inodes {folders[0]}`); "
            f"expected {LEAST_FILES} or more; remove files there, and run the same command again"
        )
    if size and free < least:
        return (
            f"{named}: {free} of {size} MiB are free; expected {least} MiB or more; make room "
            f"(`du -xm {folders[0]} | sort -n | tail` shows what takes it; "
            "`apt-get clean` and `journalctl --vacuum-size=100M` often help), and run the same "
            "command again"
        )
    return ""
