"""The receipts of several hosts together: sums, and the times in which nobody answered."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.receipt import HostReceipt
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.receipts import summed

WITHOUT: list[tuple[float | None, float | None]] = [(None, None)]


def host(**changed: Any) -> HostReceipt:  # noqa: ANN401
    found: HostReceipt = {
        "start": 100.0,
        "end": 160.0,
        "requests": 0,
        "failed": 0,
        "by_release": {},
        "latency_ms": {},
        "gaps": WITHOUT,
        "shortest_gap": 0,
        "bin_seconds": 1,
        "bins": [],
    }
    return found | changed  # type: ignore[return-value]


def test_sum_of_no_host_is_not_known() -> None:
    assert summed({}) is None


def test_sum_adds_requests_failures_and_times() -> None:
    found = summed(
        {
            "web1": host(
                requests=3,
                failed=1,
                by_release={
                    "1.0": {"requests": 2, "failed": 0},
                    "1.1": {"requests": 1, "failed": 1},
                },
                latency_ms={"4": 2, "90": 1},
                bins=[(100, 2, 0), (119, 1, 1)],
            ),
            "web2": host(
                start=101.0,
                end=400.0,
                requests=1,
                by_release={"1.1": {"requests": 1, "failed": 0}},
                latency_ms={"5": 97},
                bin_seconds=10,
                bins=[(110, 1, 0)],
            ),
        }
    )
    assert found is not None
    assert (found["from"], found["to"]) == (100.0, 400.0)
    assert (found["requests"], found["failed"]) == (4, 1)
    assert found["by_release"] == {
        "1.0": {"requests": 2, "failed": 0},
        "1.1": {"requests": 2, "failed": 1},
    }
    assert (found["slowest_ms"], found["p99_ms"]) == (90, 5)
    assert found["bin_seconds"] == 10
    assert found["bins"] == [[100, 2, 0], [110, 2, 1]]


@pytest.mark.parametrize(
    ("hosts", "expected"),
    [
        pytest.param([WITHOUT], (None, None), id="no answer"),
        pytest.param([[(None, 105.0), (105.0, None)]], (None, None), id="one answer"),
        pytest.param(
            [[(None, 101.0), (101.0, 103.5), (104.0, 105.0), (105.0, None)]],
            (2500, 101.0),
            id="one host",
        ),
        pytest.param(
            [[(None, 101.0), (101.0, 103.5), (159.0, None)], WITHOUT],
            (2500, 101.0),
            id="the other host has no visitors",
        ),
        pytest.param(
            [[(None, 101.0), (101.0, 103.5), (159.0, None)], [(None, 100.5), (102.0, 150.0)]],
            (1500, 102.0),
            id="the other host answered meanwhile",
        ),
        pytest.param(
            [[(None, 101.0), (103.0, None)], [(None, 120.0), (121.0, None)]],
            (17000, 103.0),
            id="one went, and the other came later",
        ),
        pytest.param(
            [[(None, 101.0), (103.0, None)], [(None, 102.0), (121.0, None)]],
            (0, 101.0),
            id="answers closer together than a host tells",
        ),
    ],
)
def test_longest_gap_is_one_in_which_no_host_answered(
    hosts: list[list[tuple[float | None, float | None]]],
    expected: tuple[int | None, float | None],
) -> None:
    found = summed({str(n): host(gaps=gaps) for n, gaps in enumerate(hosts)})
    assert found is not None
    assert (found["longest_gap_ms"], found["gap_at"]) == expected


def test_longest_gap_is_at_least_what_a_host_has_left_out() -> None:
    gaps = [(None, 101.0), (101.0, 101.02), (159.0, None)]
    found = summed({"web1": host(gaps=gaps, shortest_gap=0.019)})
    assert found is not None
    assert found["longest_gap_ms"] == 20
    found = summed({"web1": host(gaps=gaps, shortest_gap=0.5)})
    assert found is not None
    assert found["longest_gap_ms"] == 500
