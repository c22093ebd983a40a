"""What twelve hosts may use, each as a tree of the files the kernel would show, and their plans."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.host.capacity import (
    Capacity,
    read_capacity,
    slice_folder,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.sizing.workers import plan_workers

MIB = 1024 * 1024
UNLIMITED_V1 = "9223372036854771712"
SESSION = "/user.slice/user-0.slice/session-3.scope"

V2_MOUNT = "30 24 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
V1_MOUNTS = (
    "30 24 0:26 {root} /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
    "31 24 0:27 {root} /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    "32 24 0:28 {root} /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n"
    "33 24 0:29 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
    "34 24 0:30 / /srv rw - ext4 /dev/vda1 rw\n"
)


def v2(own: str = SESSION, pid1: str = "/init.scope") -> dict[str, str]:
    return {
        "proc/self/mountinfo": V2_MOUNT,
        "proc/self/cgroup": f"0::{own}\n",
        "proc/1/cgroup": f"0::{pid1}\n",
    }


def v1(own: str = SESSION, pid1: str = "/init.scope", root: str = "/") -> dict[str, str]:
    lines = "9:name=systemd:{0}\n4:memory:{0}\n1:cpu,cpuacct:{0}\n0::{0}\n"
    return {
        "proc/self/mountinfo": V1_MOUNTS.format(root=root),
        "proc/self/cgroup": lines.format(own),
        "proc/1/cgroup": lines.format(pid1),
        f"sys/fs/cgroup/memory{'/' if root == '/' else ''}/memory.limit_in_bytes": UNLIMITED_V1,
    }


@dataclass(frozen=True)
class Shape:
    """A host: what the machine has, its files, and what is expected of it."""

    affinity: int
    total_kb: int
    expected: Capacity
    workers: int
    decided_by: str
    slice_name: str = "system.slice"
    files: dict[str, str] = field(default_factory=dict)


# MemTotal as such hosts show it: what is sold less what kernel and firmware keep.
SHAPES = {
    "1 core, 512 MB, the smallest one sold": Shape(
        1, 468_492, Capacity(1, "affinity", 468_492 * 1024, "MemTotal"), 1, "minimum"
    ),
    "1 core, 1 GB": Shape(
        1, 988_016, Capacity(1, "affinity", 988_016 * 1024, "MemTotal"), 2, "memory", files=v2()
    ),
    "2 cores, 1 GB to the byte, as in the design": Shape(
        2, 1_048_576, Capacity(2, "affinity", 1024 * MIB, "MemTotal"), 3, "memory", files=v2()
    ),
    "2 cores, 4 GB": Shape(
        2, 4_005_140, Capacity(2, "affinity", 4_005_140 * 1024, "MemTotal"), 5, "cores", files=v2()
    ),
    "4 cores, 8 GB": Shape(
        4, 8_136_020, Capacity(4, "affinity", 8_136_020 * 1024, "MemTotal"), 9, "cores", files=v2()
    ),
    "16 cores of which a container has 1.5 and 1 GB (version 2)": Shape(
        16,
        65_842_548,
        Capacity(1, "/sys/fs/cgroup/cpu.max", 1024 * MIB, "/sys/fs/cgroup/memory.max"),
        3,
        "cores",
        files=v2(own="/", pid1="/")
        | {
            "sys/fs/cgroup/cpu.max": "150000 100000\n",
            "sys/fs/cgroup/memory.max": f"{1024 * MIB}\n",
            "sys/fs/cgroup/memory.high": "max\n",
        },
    ),
    "8 cores of which a container has half of one and 512 MB (version 1)": Shape(
        8,
        32_862_288,
        Capacity(
            1,
            "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us",
            512 * MIB,
            "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        ),
        1,
        "memory",
        files=v1(own="/docker/1f", pid1="/docker/1f", root="/docker/1f")
        | {
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "50000\n",
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": f"{512 * MIB}\n",
        },
    ),
    "8 cores, system.slice limited to 3 cores and 6 GB before it is slowed": Shape(
        8,
        16_310_944,
        Capacity(
            3,
            "/sys/fs/cgroup/system.slice/cpu.max",
            6144 * MIB,
            "/sys/fs/cgroup/system.slice/memory.high",
        ),
        7,
        "cores",
        files=v2()
        | {
            "sys/fs/cgroup/system.slice/cpu.max": "300000 100000\n",
            "sys/fs/cgroup/system.slice/memory.max": f"{8192 * MIB}\n",
            "sys/fs/cgroup/system.slice/memory.high": f"{6144 * MIB}\n",
        },
    ),
    "4 cores, people's sessions limited, services not": Shape(
        4,
        8_136_020,
        Capacity(4, "affinity", 8_136_020 * 1024, "MemTotal"),
        9,
        "cores",
        files=v2()
        | {
            "sys/fs/cgroup/user.slice/cpu.max": "100000 100000\n",
            "sys/fs/cgroup/user.slice/memory.max": f"{512 * MIB}\n",
        },
    ),
    "4 cores, a nested slice with two CPUs, in a slice with 1 GB": Shape(
        4,
        8_136_020,
        Capacity(
            2,
            "/sys/fs/cgroup/app.slice/app-web.slice/cpuset.cpus.effective",
            1024 * MIB,
            "/sys/fs/cgroup/app.slice/memory.max",
        ),
        3,
        "memory",
        slice_name="app-web.slice",
        files=v2()
        | {
            "sys/fs/cgroup/app.slice/memory.max": f"{1024 * MIB}\n",
            "sys/fs/cgroup/app.slice/cpuset.cpus.effective": "0-3\n",
            "sys/fs/cgroup/app.slice/app-web.slice/memory.max": "max\n",
            "sys/fs/cgroup/app.slice/app-web.slice/cpuset.cpus.effective": "0,2\n",
        },
    ),
    "32 cores, 16 GB, version 1 without limits": Shape(
        32,
        16_310_944,
        Capacity(32, "affinity", 16_310_944 * 1024, "MemTotal"),
        56,
        "memory",
        files=v1() | {"sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1\n"},
    ),
    "128 cores, 512 GB": Shape(
        128,
        528_279_552,
        Capacity(128, "affinity", 528_279_552 * 1024, "MemTotal"),
        257,
        "cores",
        files=v2(),
    ),
}


def plant(root: Path, files: dict[str, str], total_kb: int = 8_000_000) -> Path:
    files = {"proc/meminfo": f"MemTotal:       {total_kb} kB\nMemFree: 1 kB\n"} | files
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.mark.parametrize("name", SHAPES)
def test_capacity_is_the_smallest_limit_with_its_source(tmp_path: Path, name: str) -> None:
    shape = SHAPES[name]
    root = plant(tmp_path, shape.files, shape.total_kb)
    assert read_capacity(root, shape.affinity, shape.slice_name) == shape.expected


@pytest.mark.parametrize("name", SHAPES)
def test_plan_of_each_shape_is_the_expected_one(name: str) -> None:
    shape = SHAPES[name]
    plan = plan_workers(shape.expected.cores, shape.expected.memory_bytes)
    assert (plan.workers, plan.decided_by) == (shape.workers, shape.decided_by)


def test_capacity_without_a_slice_is_bound_by_the_processs_own_cgroups(tmp_path: Path) -> None:
    root = plant(
        tmp_path,
        v2()
        | {
            "sys/fs/cgroup/user.slice/cpu.max": "200000 100000\n",
            f"sys/fs/cgroup{SESSION}/memory.max": f"{700 * MIB}\n",
            "sys/fs/cgroup/system.slice/memory.max": f"{300 * MIB}\n",
        },
    )
    assert read_capacity(root, 4) == Capacity(
        2, "/sys/fs/cgroup/user.slice/cpu.max", 700 * MIB, f"/sys/fs/cgroup{SESSION}/memory.max"
    )


def test_capacity_counts_the_limits_around_a_container_that_sees_the_machines_tree(
    tmp_path: Path,
) -> None:
    root = plant(
        tmp_path,
        v2(own="/machine.slice/box/user.slice", pid1="/machine.slice/box/init.scope")
        | {
            "sys/fs/cgroup/machine.slice/memory.max": f"{2048 * MIB}\n",
            "sys/fs/cgroup/machine.slice/box/system.slice/cpu.max": "100000 100000\n",
        },
    )
    assert read_capacity(root, 4, "system.slice") == Capacity(
        1,
        "/sys/fs/cgroup/machine.slice/box/system.slice/cpu.max",
        2048 * MIB,
        "/sys/fs/cgroup/machine.slice/memory.max",
    )


def test_capacity_takes_the_mounted_folder_when_the_path_climbs_out_of_the_namespace(
    tmp_path: Path,
) -> None:
    root = plant(tmp_path, v2(own="/../other") | {"sys/fs/cgroup/memory.max": f"{100 * MIB}\n"})
    assert read_capacity(root, 4).memory_bytes == 100 * MIB


@pytest.mark.parametrize("files", [{}, v2(), v1()], ids=["no cgroups", "version 2", "version 1"])
def test_capacity_without_limits_is_the_machines(tmp_path: Path, files: dict[str, str]) -> None:
    root = plant(tmp_path, files)
    expected = Capacity(4, "affinity", 8_000_000 * 1024, "MemTotal")
    assert read_capacity(root, 4, "system.slice") == expected
    assert read_capacity(root, 4) == expected


def test_capacity_refuses_a_host_without_memtotal(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected the one of Linux; mount /proc"):
        read_capacity(tmp_path, 4)


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("system.slice", "system.slice"),
        ("app-web.slice", "app.slice/app-web.slice"),
        ("a-b-c.slice", "a.slice/a-b.slice/a-b-c.slice"),
        ("-.slice", "."),
    ],
)
def test_slice_folder_nests_by_the_dashes_of_the_name(name: str, folder: str) -> None:
    assert str(slice_folder(name)) == folder


@pytest.mark.parametrize(
    "name",
    ["system", "nginx.service", "../x.slice", "a--b.slice", "-a.slice", "a-.slice", ".slice"],
)
def test_slice_folder_refuses_what_is_no_slice(name: str) -> None:
    with pytest.raises(ValueError, match="expected the name of a systemd slice"):
        slice_folder(name)
