"""Processes in the table and among the findings."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.processes import (
    process_faults,
    processes_line,
)


def process(number: int, state: str = "active", restarts: int = 0) -> dict[str, Any]:
    unit = f"shop@blue-worker-{number}.service"
    return {"unit": unit, "process": "worker", "state": state, "restarts": restarts}


@pytest.mark.parametrize(
    ("processes", "line"),
    [
        ([], ""),
        ([process(1), process(2)], "processes 2/2"),
        (
            [process(1), process(2, "failed"), process(3, "auto-restart")],
            "processes 1/3: shop@blue-worker-2.service is failed, shop@blue-worker-3.service is "
            "about to be started anew",
        ),
        # One that ends again and again, in a moment in which it runs.
        (
            [process(1, restarts=2), process(2, restarts=8)],
            "processes 2/2: shop@blue-worker-2.service was started anew 8 times",
        ),
    ],
)
def test_table_says_how_many_run(processes: list[dict[str, Any]], line: str) -> None:
    assert processes_line(processes, 60) == line


@pytest.mark.parametrize(
    ("one", "hours", "seen"),
    [
        (process(1), 1, []),
        (process(1, "failed"), 1, ["shop@blue-worker-1.service is not running (failed)"]),
        (process(1, restarts=2), 0.1, []),
        (process(1, restarts=3), 0.1, ["shop@blue-worker-1.service was started anew 3 times"]),
        (process(1, "activating", 3), 0.1, ["shop@blue-worker-1.service was started anew 3 times"]),
        (process(1, "auto-restart", 3), 1, ["shop@blue-worker-1.service was started anew 3 times"]),
        # systemd has given up.
        (process(1, "failed", 200), 1, ["shop@blue-worker-1.service is not running (failed)"]),
        # Three in a week are no fault.
        (process(1, restarts=3), 168, []),
    ],
)
def test_verify_finds_what_does_not_run_or_does_not_stay(
    one: dict[str, Any], hours: float, seen: list[str]
) -> None:
    assert [fault for fault, _todo in process_faults([one], hours * 3600)] == seen
