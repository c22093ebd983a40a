"""The rule of the worker count, its sentence, and the memory limits that go with it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.sizing.workers import plan_workers

MIB = 1024 * 1024
CORES = (1, 2, 3, 4, 8, 16, 64, 128, 300)
MEMORY_MB = (0, 64, 128, 255, 256, 384, 512, 640, 1024, 2048, 4096, 8192, 65536, 524288)


@pytest.mark.parametrize(
    ("cores", "memory_mb", "workers", "reason"),
    [
        (
            2,
            1024,
            "auto",
            "3 workers: 2 cores would allow 5, but 768 MB for two slots allow 3 of 128 MB each",
        ),
        (
            1,
            4096,
            "auto",
            "3 workers: 1 core allows 3, and 3687 MB for two slots would allow 14 of 128 MB each",
        ),
        (
            4,
            384,
            "auto",
            "1 worker: 4 cores would allow 9, but 128 MB for two slots allow none of 128 MB each; "
            "1 is the least",
        ),
        (300, 524288, "auto", "512 workers: 300 cores would allow 601, but 512 are the most"),
        (
            2,
            4096,
            4,
            "4 workers: as configured; 3687 MB for two slots would allow 14 of 128 MB each",
        ),
        (
            2,
            1024,
            "8",
            "8 workers: as configured, but 768 MB for two slots allow 3 of 128 MB each: the kernel "
            "may kill workers at a cut-over; lower gunicorn_service_workers or "
            "gunicorn_service_worker_memory_mb",
        ),
    ],
    ids=["memory", "cores", "minimum", "maximum", "configured", "configured beyond memory"],
)
def test_reason_names_what_decided(
    cores: int, memory_mb: int, workers: object, reason: str
) -> None:
    assert plan_workers(cores, memory_mb * MIB, workers).reason == reason


@pytest.mark.parametrize("cores", CORES)
def test_more_memory_never_gives_fewer_workers(cores: int) -> None:
    counts = [plan_workers(cores, memory_mb * MIB).workers for memory_mb in range(0, 20_000, 7)]
    assert counts == sorted(counts)


@pytest.mark.parametrize("memory_mb", MEMORY_MB)
def test_more_cores_never_give_fewer_workers(memory_mb: int) -> None:
    counts = [plan_workers(cores, memory_mb * MIB).workers for cores in range(1, 300)]
    assert counts == sorted(counts)


@pytest.mark.parametrize("cores", CORES)
@pytest.mark.parametrize("memory_mb", MEMORY_MB)
def test_two_slots_of_an_automatic_plan_leave_the_reserve(cores: int, memory_mb: int) -> None:
    plan = plan_workers(cores, memory_mb * MIB)
    assert 1 <= plan.workers <= 512
    if plan.decided_by != "minimum":
        assert 2 * plan.workers * 128 <= plan.memory_mb - plan.reserve_mb


@pytest.mark.parametrize("cores", CORES)
@pytest.mark.parametrize("memory_mb", MEMORY_MB[2:])
def test_unit_limits_hold_a_worker_and_stay_within_the_host(cores: int, memory_mb: int) -> None:
    plan = plan_workers(cores, memory_mb * MIB)
    assert 128 <= plan.memory_max_mb <= memory_mb


@pytest.mark.parametrize(
    ("memory_mb", "workers", "each", "limit"),
    [
        (24576, 2, 64, 768),
        (24576, 2, 128, 1024),
        (24576, 4, 2000, 16512),
        # The host less its reserve, as the plan cannot give more.
        (2048, 8, 256, 1792),
        (24576, 40, 512, 22119),
    ],
)
def test_unit_limit_is_twice_what_the_workers_need_and_512_mb(
    memory_mb: int, workers: int, each: int, limit: int
) -> None:
    plan = plan_workers(2, memory_mb * MIB, workers, each)
    assert plan.memory_max_mb == limit


@pytest.mark.parametrize(
    ("memory_mb", "reserve_mb"), [(512, 256), (2048, 256), (2560, 256), (4096, 409), (65536, 6553)]
)
def test_reserve_is_a_tenth_but_at_least_256_mb(memory_mb: int, reserve_mb: int) -> None:
    assert plan_workers(2, memory_mb * MIB).reserve_mb == reserve_mb


def test_plan_takes_numbers_as_text() -> None:
    plan = plan_workers(8, 4096 * MIB, "auto", "256", "1024", "1")
    assert (plan.workers, plan.reserve_mb, plan.by_memory) == (12, 1024, 12)
    assert "3072 MB for one slot allow 12 of 256 MB each" in plan.reason


@pytest.mark.parametrize("workers", [0, "0", 513, -1, "four", "", None, True, 2.5, [4], "²"])
def test_plan_refuses_workers_that_are_no_number(workers: object) -> None:
    with pytest.raises(ValueError, match="expected auto or a number from 1 to 512") as refusal:
        plan_workers(2, 1024 * MIB, workers)
    assert str(refusal.value) == (
        f"gunicorn_service_workers is {workers!r}; expected auto or a number from 1 to 512; "
        "correct it"
    )


def test_messages_name_the_variables_of_the_level_that_asks() -> None:
    assert plan_workers(2, 1024 * MIB, 8, prefix="app_").reason.endswith(
        "lower app_workers or app_worker_memory_mb"
    )
    with pytest.raises(ValueError, match=r"^app_workers is 0; expected auto or a number"):
        plan_workers(2, 1024 * MIB, 0, prefix="app_")
    with pytest.raises(ValueError, match=r"^app_worker_memory_mb is 0; expected a number"):
        plan_workers(2, 1024 * MIB, worker_memory_mb=0, prefix="app_")


@pytest.mark.parametrize(
    ("name", "value"), [("worker_memory_mb", 0), ("reserve_mb", "-1"), ("slots", 4)]
)
def test_plan_refuses_other_values_by_name(name: str, value: object) -> None:
    given: dict[str, Any] = {name: value}
    with pytest.raises(ValueError, match=f"{name} is {value!r}; expected a number from"):
        plan_workers(2, 1024 * MIB, **given)


@pytest.mark.parametrize(
    ("share", "workers", "decided_by"),
    [(1000, 9, "cores"), (90, 9, "cores"), (89, 8, "connections"), (10, 1, "connections")],
)
def test_auto_stays_below_the_share_of_connections(
    share: int, workers: int, decided_by: str
) -> None:
    given = {"per_worker": 5, "share": share}
    plan = plan_workers(4, 8192 * MIB, prefix="app_", connections=given)
    assert (plan.workers, plan.decided_by) == (workers, decided_by)
    assert plan.connections == (
        f"up to {workers * 10} connections during a rollout ({workers} x 2 slots x 5), of {share} "
        "for this host"
    )
    if decided_by == "connections":
        assert plan.reason.endswith(
            f": its cores and memory would allow 9, but app_connections allows {workers}"
        )


def test_a_share_that_allows_no_worker_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^app_connections leaves 9 connections for this host; "):
        plan_workers(4, 8192 * MIB, prefix="app_", connections={"per_worker": 5, "share": 9})
