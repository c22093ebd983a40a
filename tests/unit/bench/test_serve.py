"""What the measurements of bench/serve.py become: medians, and ratios within one round each."""

from __future__ import annotations

from typing import Any

from bench.serve import medians, ratios
from bench.serving import OURS, WAYS

UVICORN = next(iter(WAYS))


def line(way: str, number: int, rps: float, failed: int = 0) -> dict[str, Any]:
    figures = {"rps": rps, "p50_ms": 5, "p99_ms": 40, "cpu_ms": 0.5, "memory_mb": 100}
    return {"way": way, "round": number, "kind": "json", "failed": failed, **figures}


LINES = [
    line(UVICORN, 1, 1000),
    line(OURS, 1, 2000),
    # A round in which the machine was slow for both.
    line(OURS, 2, 900),
    line(UVICORN, 2, 300, failed=3),
    line(UVICORN, 3, 1000),
    line(OURS, 3, 2200),
    {"way": "granian --workers 4", "round": 1, "problem": "did not answer"},
]


def test_medians_are_over_the_rounds_and_failures_are_summed() -> None:
    told = medians(LINES)
    assert told[UVICORN]["json"]["rps"] == 1000
    assert told[UVICORN]["json"]["failed"] == 3
    assert "failed" not in told[OURS]["json"]
    assert set(told) == {UVICORN, OURS}


def test_ratio_is_that_of_the_same_round() -> None:
    assert ratios(LINES) == {UVICORN: {"json": 2.2}}
