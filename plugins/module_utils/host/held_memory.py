"""What the processes of a unit hold of its memory, without the files that the kernel caches."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

#: Where the kernel counts a group's memory, and its caches: versions 2 and 1 of cgroups
#: (cgroup-v2.rst, memory.rst of the kernel's documentation).
COUNTERS = (
    ("sys/fs/cgroup{}", "memory.current", ("active_file", "inactive_file")),
    (
        "sys/fs/cgroup/memory{}",
        "memory.usage_in_bytes",
        ("total_active_file", "total_inactive_file"),
    ),
)


def held_bytes(group: str, root: Path = Path("/")) -> int:
    """Return the memory that a group holds and the kernel cannot take back; 0 if it is not known.

    The cache of files counts as the group's, but is given back before anything is killed.

    Args:
        group: As systemd's ControlGroup names it.
        root: `/`, or a test's tree.
    """
    for place, used, caches in COUNTERS:
        folder = root / place.format(group)
        try:
            total = int((folder / used).read_text(encoding="ascii"))
            stat = _numbers((folder / "memory.stat").read_text(encoding="ascii"))
        except (OSError, ValueError):
            continue
        return max(0, total - sum(stat.get(name, 0) for name in caches))
    return 0


def _numbers(text: str) -> Mapping[str, int]:
    pairs = (line.split() for line in text.splitlines())
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2}
