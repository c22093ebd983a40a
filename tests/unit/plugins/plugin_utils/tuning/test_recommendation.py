"""The recommendation, over tables of what was measured."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.tuning.recommendation import (
    Bound,
    Result,
    bounds,
    recommend,
    results,
)


def found(*rows: tuple[float, ...], spread: float = 0.01) -> list[Result]:
    """Return a result for each row, of throughput and perhaps p99 and memory, from 1 worker on."""
    return [
        Result(
            number,
            rps,
            1,
            rest[0] if rest else 40,
            rest[1] if len(rest) > 1 else 50,
            60,
            0,
            spread,
            spread,
        )
        for number, (rps, *rest) in enumerate(rows, 1)
    ]


@pytest.mark.parametrize(
    ("rows", "spread", "workers"),
    [
        # One that rises to the cores and stays there.
        ([(1000,), (1900,), (1910,), (1890,)], 0.01, 2),
        # One that falls again.
        ([(1000,), (1900,), (1700,), (1500,)], 0.01, 2),
        # One that only waits: each further worker serves as much again.
        ([(100,), (200,), (300,), (400,)], 0.01, 4),
        # One that the load does not fill.
        ([(1000,), (1001,), (999,)], 0.01, 1),
        # A small gain that the noise hides, and the same gain when the rounds agree.
        ([(1000,), (1900,), (2000,)], 0.04, 2),
        ([(1000,), (1900,), (2000,)], 0.01, 3),
        # The same throughput, but a tail that is worse.
        ([(1000, 400), (1900, 200), (1920, 90), (1910, 95)], 0.01, 3),
        ([(1000, 400), (1900, 95), (1920, 90)], 0.01, 2),
        ([(1000,)], 0.0, 1),
    ],
)
def test_fewest_workers_win_that_serve_as_well_as_the_best(
    rows: list[tuple[float, ...]], spread: float, workers: int
) -> None:
    assert recommend(found(*rows, spread=spread), []).workers == workers


def test_noise_widens_the_margin_only_so_far() -> None:
    assert recommend(found((1600,), (1900,), spread=0.2), []).workers == 2


def test_rounds_that_do_not_agree_are_no_measurement() -> None:
    with pytest.raises(ValueError, match=r"differ by ±30 %; expected at most ±25 %, .* measure wh"):
        recommend(found((1000,), (1900,), spread=0.3), [])
    # Not ±25 % where at most ±25 % are expected.
    assert recommend(found((1000,), (1900,), spread=0.252), []).workers == 2


def test_reason_is_one_sentence() -> None:
    advice = recommend(found((1000,), (1900, 41), (1910,)), [])
    assert advice.reason == (
        "2 workers: 1,900 requests a second, 99 % of them within 41 ms, which is the best within "
        "the noise of 3 % (1,910 with 3); a worker takes 50 MB, and each further one that again"
    )
    assert (advice.best, advice.margin) == (3, 0.03)


def test_largest_number_that_was_measured_says_so() -> None:
    assert recommend(found((100,), (200,)), []).reason == (
        "2 workers: 200 requests a second, 99 % of them within 40 ms, the most that was measured; "
        "a worker takes 50 MB; it is the largest number that was measured"
    )


def test_bound_is_kept_and_named() -> None:
    advice = recommend(found((100,), (200,), (300,)), [Bound(2, "the memory allows 2")])
    assert advice.workers == 2
    assert ", the most that is allowed; a worker takes" in advice.reason
    assert advice.reason.endswith("; 3 were faster (300), but the memory allows 2")


def test_one_that_failed_is_left_out_and_nothing_at_all_is_refused() -> None:
    rows = found((1000,), (1900,), (1700,))
    rows[1] = Result(2, problem="round 1: 3 answers with status 500 of 9 requests")
    assert recommend(rows, []).workers == 3
    with pytest.raises(ValueError, match=r"no number of workers was measured without errors: 2 wo"):
        recommend(rows[1:2], [])
    with pytest.raises(ValueError, match=r"the fewest workers .* are 3; expected at most 1: few"):
        recommend(rows[2:], [Bound(1, "few")])


def measured(
    workers: int, number: int, rps: float, problem: str = "", **more: float
) -> dict[str, Any]:
    return {
        "workers": workers,
        "round": number,
        "rps": rps,
        "p50_ms": 5.0,
        "p99_ms": 40.0,
        "memory_mb": 100.0,
        "largest_mb": 55.0,
        "connections": {"127.0.0.1:5432": 4, "127.0.0.1:6379": 2},
        "problem": problem,
    } | more


def test_rounds_become_medians_and_what_failed_once_does_not_count() -> None:
    told = results(
        [
            measured(2, 1, 1900),
            measured(1, 1, 1000),
            measured(1, 2, 1100, memory_mb=110),
            measured(2, 2, 2000, "7 answers with status 500 of 2,000 requests"),
            measured(1, 3, 1020, largest_mb=70),
        ]
    )
    assert told == [
        Result(1, 1020, 5, 40, 100, 70, 6, 50 / 1020, 0),
        Result(2, problem="round 2: 7 answers with status 500 of 2,000 requests"),
    ]


def test_memory_bounds_by_the_estimate_and_by_what_was_measured() -> None:
    assert [bound.workers for bound in bounds(7, 896, 55.0)] == [7, 16]
    assert [bound.workers for bound in bounds(7, 896, 300.0)] == [7, 2]
    assert bounds(7, 896, 300.0)[1].reason == (
        "896 MB for each of two slots hold 2 of 300 MB, which the largest worker had"
    )
    assert [bound.workers for bound in bounds(7, 896, 0)] == [7]


def test_connections_are_a_bound_as_well() -> None:
    assert bounds(7, 896, 0, 3)[1] == Bound(3, "app_connections allows 3")
