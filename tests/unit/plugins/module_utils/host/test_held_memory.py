"""What a unit holds of its memory, in both versions of cgroups."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.host.held_memory import held_bytes

GROUP = "/system.slice/shop@blue.service"


@pytest.mark.parametrize(
    ("folder", "used", "stat"),
    [
        (
            "sys/fs/cgroup",
            "memory.current",
            "anon 600\nfile 300\nactive_file 100\ninactive_file 150\nshmem 50\n",
        ),
        (
            "sys/fs/cgroup/memory",
            "memory.usage_in_bytes",
            "cache 7\ntotal_active_file 100\ntotal_inactive_file 150\n",
        ),
    ],
    ids=["version 2", "version 1"],
)
def test_cache_of_files_is_not_held(tmp_path: Path, folder: str, used: str, stat: str) -> None:
    group = tmp_path / folder / GROUP[1:]
    group.mkdir(parents=True)
    (group / used).write_text("1000\n")
    (group / "memory.stat").write_text(stat)
    assert held_bytes(GROUP, tmp_path) == 750


def test_group_that_is_gone_holds_nothing(tmp_path: Path) -> None:
    assert held_bytes(GROUP, tmp_path) == 0
    assert held_bytes("", tmp_path) == 0
