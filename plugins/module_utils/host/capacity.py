"""What a host may really use: the cores and the memory that are left after its cgroups' limits.

`nproc` and `ansible_facts['memtotal_mb']` say what the machine has. Neither includes a CPU quota
(`CPUQuota=`, `docker run --cpus`) or a memory limit (`MemoryMax=`, `docker run --memory`), and
workers counted from the machine's figures are then starved, or killed by the kernel.

A limit applies to a process if any cgroup between it and the root has it, so all of them are read,
in both versions of the interface (Linux: Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/).
Everything is read from files below a given root, so that a test can pass its own tree.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The sources on a host without any limit.
AFFINITY = "affinity"
MEMTOTAL = "MemTotal"

#: systemd.slice(5): names between single dashes, or the root slice.
SLICE_NAME = re.compile(r"(-|[A-Za-z0-9:_.\\]+(-[A-Za-z0-9:_.\\]+)*)\.slice")


@dataclass(frozen=True)
class Capacity:
    """What may be used, and which limit applied.

    Attributes:
        cores: Whole cores; at least 1.
        cores_source: `affinity`, or the path of the file with the limit that applied.
        memory_bytes: Bytes of memory; swap is not counted.
        memory_source: `MemTotal`, or the path of the file with the limit that applied.
    """

    cores: int
    cores_source: str
    memory_bytes: int
    memory_source: str


@dataclass(frozen=True)
class Hierarchy:
    """One mounted cgroup tree: the controllers of version 1, or none for version 2."""

    mount_point: PurePosixPath
    mount_root: PurePosixPath
    controllers: frozenset[str]


def read_capacity(root: Path, affinity_cores: int, slice_name: str = "") -> Capacity:
    """Read what may be used on the host whose `/proc` and `/sys` are below `root`.

    Args:
        root: `/`, or a test's tree.
        affinity_cores: Cores the scheduler gives this process: `len(os.sched_getaffinity(0))`.
            No file contains it: `Cpus_allowed` in `/proc` also names cores that are switched off.
        slice_name: The systemd slice the service will run in. Its limits and those of the cgroups
            around it apply, not those of this process: an Ansible session runs in `user.slice`,
            whose limits do not apply to a service.

    Returns:
        The smallest of the limits, each with its source; of equal ones, the outermost.

    Raises:
        ValueError: `slice_name` is no slice's name, or `/proc/meminfo` has no MemTotal.
    """
    cores, cores_source = max(affinity_cores, 1), AFFINITY
    memory, memory_source = mem_total(root), MEMTOTAL
    for folder in cgroup_folders(root, slice_name):
        for file, limit in core_limits(root, folder):
            if limit < cores:
                cores, cores_source = limit, str(file)
        for file, limit in memory_limits(root, folder):
            if limit < memory:
                memory, memory_source = limit, str(file)
    return Capacity(cores, cores_source, memory, memory_source)


def read_own_capacity(slice_name: str = "system.slice") -> Capacity:
    """Read what may be used on the host that this runs on; otherwise as `read_capacity`."""
    return read_capacity(Path("/"), len(os.sched_getaffinity(0)), slice_name)


def core_limits(root: Path, folder: PurePosixPath) -> Iterator[tuple[PurePosixPath, int]]:
    """Yield the limits of cores in one cgroup: its CPU quota in whole cores, and its set of CPUs.

    A quota is rounded down, because a worker without CPU time makes the others slower, but half a
    core still counts as one.
    """
    quota = read_text(root, folder / "cpu.max").split()
    if len(quota) == 2 and quota[0] != "max":
        yield folder / "cpu.max", whole_cores(int(quota[0]), int(quota[1]))

    quota_us = read_number(root, folder / "cpu.cfs_quota_us")
    period_us = read_number(root, folder / "cpu.cfs_period_us")
    if quota_us is not None and quota_us > 0 and period_us:
        yield folder / "cpu.cfs_quota_us", whole_cores(quota_us, period_us)

    for name in ("cpuset.cpus.effective", "cpuset.effective_cpus"):
        cpus = count_cpus(read_text(root, folder / name))
        if cpus:
            yield folder / name, cpus


def memory_limits(root: Path, folder: PurePosixPath) -> Iterator[tuple[PurePosixPath, int]]:
    """Yield the limits of memory in one cgroup, in bytes.

    `memory.high` counts as `memory.max` does: above it the kernel slows the processes until they
    give memory back, so nothing should be planned to live there. Version 1 writes "no limit" as a
    number near 2^63, which MemTotal undercuts.
    """
    for name in ("memory.max", "memory.high", "memory.limit_in_bytes"):
        limit = read_number(root, folder / name)
        if limit is not None and limit > 0:
            yield folder / name, limit


def cgroup_folders(root: Path, slice_name: str = "") -> Iterator[PurePosixPath]:
    """Yield every cgroup whose limits count, in each hierarchy from the root inwards."""
    process = "1" if slice_name else "self"
    memberships = read_memberships(root, process)
    for hierarchy in read_hierarchies(root):
        path = membership(memberships, hierarchy)
        if path is None:
            continue
        inner = below(path, hierarchy.mount_root)
        if slice_name:
            inner = manager_folder(inner) / slice_folder(slice_name)
        for folder in reversed([inner, *inner.parents]):
            yield hierarchy.mount_point / folder


def manager_folder(pid1: PurePosixPath) -> PurePosixPath:
    """Return where systemd keeps its slices: the cgroup of PID 1 without its own `init.scope`."""
    return pid1.parent if pid1.name == "init.scope" else pid1


def slice_folder(name: str) -> PurePosixPath:
    """Return a slice's folder: `app-web.slice` lies in `app.slice` (systemd.slice(5)).

    Raises:
        ValueError: The name is not that of a slice.
    """
    if not SLICE_NAME.fullmatch(name):
        raise ValueError(
            f"slice is {name!r}; expected the name of a systemd slice, such as system.slice; "
            "see `systemctl list-units --type=slice` on the host"
        )
    if name == "-.slice":
        return PurePosixPath()
    parts = name[: -len(".slice")].split("-")
    return PurePosixPath(*("-".join(parts[: end + 1]) + ".slice" for end in range(len(parts))))


def below(path: PurePosixPath, mount_root: PurePosixPath) -> PurePosixPath:
    """Return a cgroup's place below its mount.

    In a container the path may be the one the machine knows, of which only the container's part
    is mounted, or climb out of the namespace (`/../x`): both mean the folder that is mounted.
    """
    if ".." in path.parts:
        return PurePosixPath()
    try:
        return path.relative_to(mount_root)
    except ValueError:
        return PurePosixPath()


def read_hierarchies(root: Path) -> list[Hierarchy]:
    """Read the mounted cgroup trees; see proc_pid_mountinfo(5) for the fields."""
    found = []
    for line in read_text(root, PurePosixPath("/proc/self/mountinfo")).splitlines():
        place, separator, filesystem = line.partition(" - ")
        fields, kind = place.split(), filesystem.split()
        if not separator or len(fields) < 5 or not kind or kind[0] not in ("cgroup", "cgroup2"):
            continue
        options = kind[2].split(",") if kind[0] == "cgroup" and len(kind) > 2 else []
        controllers = frozenset(options) & {"cpu", "cpuset", "memory"}
        if kind[0] == "cgroup2" or controllers:
            found.append(Hierarchy(PurePosixPath(fields[4]), PurePosixPath(fields[3]), controllers))
    return found


def read_memberships(root: Path, process: str) -> dict[str, PurePosixPath]:
    """Read a process's cgroup by controller; version 2 has the empty name (cgroups(7))."""
    found = {}
    for line in read_text(root, PurePosixPath("/proc", process, "cgroup")).splitlines():
        _number, _colon, rest = line.partition(":")
        controllers, _colon, path = rest.partition(":")
        for controller in controllers.split(","):
            found[controller] = PurePosixPath(path)
    return found


def membership(memberships: dict[str, PurePosixPath], hierarchy: Hierarchy) -> PurePosixPath | None:
    """Return the process's cgroup in this hierarchy, or None."""
    names = sorted(hierarchy.controllers) or [""]
    return next((memberships[name] for name in names if name in memberships), None)


def mem_total(root: Path) -> int:
    """Return the machine's memory in bytes.

    Raises:
        ValueError: There is no such line.
    """
    match = re.search(
        r"^MemTotal:\s+(\d+) kB", read_text(root, PurePosixPath("/proc/meminfo")), re.M
    )
    if match is None:
        raise ValueError(
            "/proc/meminfo has no line `MemTotal: <number> kB`; expected the one of Linux; "
            "mount /proc on the host"
        )
    return int(match.group(1)) * 1024


def whole_cores(quota_us: int, period_us: int) -> int:
    """Return a CPU quota in whole cores, at least 1."""
    return max(quota_us // period_us, 1) if period_us > 0 else 1


def count_cpus(cpus: str) -> int:
    """Return the number of CPUs in a list such as `0-3,8`; 0 for an empty one."""
    count = 0
    for part in filter(None, cpus.strip().split(",")):
        first, _dash, last = part.partition("-")
        count += int(last or first) - int(first) + 1
    return count


def read_number(root: Path, file: PurePosixPath) -> int | None:
    """Return the number in a file, or None if there is no file or it says `max`."""
    text = read_text(root, file).strip()
    return int(text) if re.fullmatch(r"-?\d+", text) else None


def read_text(root: Path, file: PurePosixPath) -> str:
    """Return a file's text; nothing if it is absent, as for a controller that is off."""
    try:
        return (root / file.relative_to("/")).read_text(encoding="utf-8")
    except OSError:
        return ""
