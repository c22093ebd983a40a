"""How many processes a host runs, and what is left for the workers."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.sizing.processes import (
    exec_line,
    memory_mb,
    plan_processes,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.sizing.workers import plan_workers

GB = 1024**3
WORKER: dict[str, Any] = {"name": "worker", "command": ["arq"], "count": "cores", "memory_mb": 64}
BOT: dict[str, Any] = {"name": "bot", "command": ["bot"], "count": 1, "memory_mb": 200}


@pytest.mark.parametrize(("cores", "count"), [(1, 1), (4, 4), (0, 1)])
def test_one_for_each_core(cores: int, count: int) -> None:
    assert [one["count"] for one in plan_processes([WORKER, BOT], cores, GB)] == [count, 1]


def test_the_limit_of_a_unit_is_a_fence_as_that_of_a_slot() -> None:
    limits = [one["memory_max_mb"] for one in plan_processes([WORKER, BOT], 2, GB)]
    # Twice the estimate and 512 MB, at most the host's memory less its reserve.
    assert limits == [640, 768]


@pytest.mark.parametrize(
    ("command", "line"),
    [
        (["arq", "worker.Settings"], '/usr/bin/env "arq" "worker.Settings"'),
        (
            ['say "a b"', "50%", "$HOME", "a\\b"],
            '/usr/bin/env "say \\"a b\\"" "50%%" "$$HOME" "a\\\\b"',
        ),
    ],
)
def test_command_is_quoted_for_systemd(command: list[str], line: str) -> None:
    assert exec_line(command) == line


def test_workers_get_what_processes_leave() -> None:
    used = memory_mb([WORKER, BOT], 2)
    assert used == 328
    assert plan_workers(2, GB, processes_mb=used).reason == (
        "1 worker: 2 cores would allow 5, but 768 MB for two slots, less 328 MB for the processes "
        "of each, allow none of 128 MB each; 1 is the least"
    )
    assert plan_workers(2, GB, processes_mb=128).reason == (
        "2 workers: 2 cores would allow 5, but 768 MB for two slots, less 128 MB for the processes "
        "of each, allow 2 of 128 MB each"
    )


def test_without_processes_nothing_is_said_of_them() -> None:
    assert "processes" not in plan_workers(2, GB, processes_mb=0).reason
