"""Which numbers of workers are measured on which host."""

from __future__ import annotations

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.tuning.series import series, steps

GIB = 1024**3


@pytest.mark.parametrize(
    ("cores", "by_memory", "found"),
    [
        (1, 100, [1, 2, 3, 4]),
        (2, 100, [1, 2, 3, 4, 5, 6]),
        (3, 100, [1, 2, 3, 4, 5, 6, 7, 8]),
        (2, 3, [1, 2, 3]),
        (2, 0, [1]),
        (8, 100, [1, 2, 4, 8, 9, 12, 16, 17, 18]),
        (8, 10, [1, 2, 4, 8, 9, 10]),
        (64, 512, [1, 16, 32, 64, 65, 96, 128, 129, 130]),
    ],
)
def test_auto_is_around_the_plan(cores: int, by_memory: int, found: list[int]) -> None:
    assert series([], cores, by_memory) == found


def test_what_was_asked_for_is_measured_if_the_memory_allows_it() -> None:
    assert series([2, 7], 2, 7) == [2, 7]
    told = "tune_workers has 7; expected at most 6, since the memory of this host and app_worker_m"
    with pytest.raises(ValueError, match=told):
        series([2, 7], 2, 6)


def test_connections_bound_the_series_too() -> None:
    assert series([], 2, 100, 3) == [1, 2, 3]
    with pytest.raises(
        ValueError, match=r"expected at most 6, since app_connections allow no more"
    ):
        series([2, 7], 2, 9, 6)
    capacity = {"cores": 2, "memory_bytes": 2 * GIB}
    plan = steps([], capacity, 128, connections={"per_worker": 5, "share": 45})
    assert [step["workers"] for step in plan["steps"]] == [1, 2, 3, 4]
    assert plan["by_connections"] == 4


def test_steps_have_the_limits_that_the_plan_gives_so_many_workers() -> None:
    plan = steps([1, 3], {"cores": 2, "memory_bytes": 2 * GIB}, 128)
    assert plan == {
        "steps": [
            {"workers": 1, "memory_max_mb": 768, "tasks_max": 256},
            {"workers": 3, "memory_max_mb": 1280, "tasks_max": 512},
        ],
        "planned": 5,
        "by_memory": 7,
        "by_connections": None,
        "slot_mb": 896,
        "worker_memory_mb": 128,
        "cores": 2,
    }
    plan = steps([], {"cores": 1, "memory_bytes": GIB}, "512", "700")
    assert plan["steps"] == [{"workers": 1, "memory_max_mb": 700, "tasks_max": 256}]
