"""The receipt of a host: which requests count, to which release they belong, and the gaps."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.receipt import MOST_GAPS
from ansible_collections.asgi.fleet.plugins.module_utils.servers.receipt import (
    bin_width,
    read_receipt,
)

START = 1_790_000_000.0
CUTS = [(START - 100, "1.0"), (START + 10, "1.1")]
UNTIL = START + 60


def line(ended: float, status: int = 200, took: float = 0.004, **changed: str) -> str:
    entry = {
        "msec": f"{START + ended:.3f}",
        "path": "/items",
        "status": str(status),
        "request_time": f"{took:.3f}",
        "upstream": "unix:/var/lib/shop/live.sock",
        "upstream_header_time": f"{took:.3f}",
        "upstream_response_time": f"{took:.3f}",
    }
    return json.dumps(entry | changed, separators=(",", ":"))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "shop.log"


def write(log: Path, lines: Iterable[str]) -> None:
    log.write_text("".join(f"{one}\n" for one in lines))


def test_receipt_counts_by_the_release_that_was_live_when_a_request_came(log: Path) -> None:
    write(
        log,
        [
            line(-1),  # before the rollout
            line(1),
            line(9.5, status=500),
            line(10.2, took=0.5),  # came to the old release
            line(10.3, status=502),
            line(12, status=404),
            line(13, status=301, upstream=""),  # nginx's own
            line(14, path="/healthz"),
            line(61),  # after it
        ],
    )
    found = read_receipt(log, START, UNTIL, CUTS, ["/healthz"])
    assert (found["requests"], found["failed"]) == (5, 2)
    assert found["by_release"] == {
        "1.0": {"requests": 3, "failed": 1},
        "1.1": {"requests": 2, "failed": 1},
    }
    assert found["latency_ms"] == {"4": 4, "500": 1}
    assert found["bins"] == [
        (int(START) + 1, 1, 0),
        (int(START) + 9, 1, 1),
        (int(START) + 10, 2, 1),
        (int(START) + 12, 1, 0),
    ]


def test_receipt_has_the_gaps_between_answers_in_order_of_time(log: Path) -> None:
    # The lines of two workers of nginx are out of order.
    write(log, [line(1), line(4.5), line(2), line(4.505)])
    found = read_receipt(log, START, UNTIL, CUTS)
    assert found["gaps"] == [
        (None, START + 1),
        (START + 1, START + 2),
        (START + 2, START + 4.5),
        (START + 4.505, None),
    ]
    assert found["shortest_gap"] == 0


def test_receipt_leaves_out_the_shortest_of_many_gaps_and_says_so(log: Path) -> None:
    moments, now = [], 0.0
    for number in range(MOST_GAPS + 3):
        moments.append(now)
        now += 0.02 + number / 10_000
    write(log, map(line, moments))
    found = read_receipt(log, START, UNTIL, CUTS)
    assert len(found["gaps"]) == MOST_GAPS + 2
    assert found["shortest_gap"] == pytest.approx(0.020, abs=0.0011)


def test_receipt_of_a_host_without_requests_knows_of_no_answer(log: Path) -> None:
    found = read_receipt(log, START, UNTIL, CUTS)
    assert (found["requests"], found["failed"], found["by_release"]) == (0, 0, {})
    assert found["gaps"] == [(None, None)]
    assert found["bins"] == []


def test_receipt_without_a_live_release_names_none(log: Path) -> None:
    write(log, [line(1, status=502)])
    found = read_receipt(log, START, UNTIL, [])
    assert found["by_release"] == {"": {"requests": 1, "failed": 1}}


@pytest.mark.parametrize(
    ("seconds", "width"), [(0, 1), (120, 1), (121, 10), (1200, 10), (3600, 60), (10**7, 86_400)]
)
def test_chart_has_at_most_a_hundred_and_twenty_bins(seconds: float, width: int) -> None:
    assert bin_width(seconds) == width
