"""The chart of the requests."""

from __future__ import annotations

import itertools
import re

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.chart import (
    chart,
    merged,
    nice,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.timeline import Frame, frame

from tests import rollouts
from tests.rollouts import BEGAN


def test_column_stands_where_its_second_is() -> None:
    record = rollouts.succeeded(1)
    receipt = record["receipt"]
    assert receipt
    receipt |= {"bins": [[int(BEGAN) + 10, 50, 0], [int(BEGAN) + 12, 100, 1]], "failed": 1}
    found = chart(record, Frame(BEGAN, BEGAN + 100))
    assert found
    assert (found.top, found.half) == ("200", "100")
    # From the lower edge, 100: one second is 10 of 1,000; 50 of 200 requests are 25 of 100.
    assert found.served == "M100 100V75H110V100zM120 100V50H130V100z"
    # One failure is seen.
    assert found.failed == "M120 100V96H130V100z"
    assert found.bands == "M120 100V0H130V100z"


def test_many_bins_are_taken_together_and_none_is_lost() -> None:
    record = rollouts.succeeded(1)
    receipt = record["receipt"]
    assert receipt
    receipt["bins"] = [[1000 + second, 3, second % 2] for second in reversed(range(3601))]
    bins = merged(receipt)
    assert len(bins) <= 120
    assert {one.seconds for one in bins} == {31}
    assert sum(one.requests for one in bins) == 3 * 3601
    assert sum(one.failed for one in bins) == 1800
    assert [one.begin for one in bins] == sorted(one.begin for one in bins)


def test_bins_without_requests_leave_a_hole() -> None:
    record = rollouts.succeeded(1)
    assert record["receipt"]
    record["receipt"]["bins"] = [[int(BEGAN), 5, 0], [int(BEGAN) + 60, 5, 0]]
    found = chart(record, frame(record))
    assert found
    assert found.served.count("M") == 2


def test_nothing_served_or_known_has_no_chart() -> None:
    for record in (rollouts.idle(), rollouts.refused(), rollouts.bare()):
        assert chart(record, frame(record)) is None


@pytest.mark.parametrize(
    ("most", "top"), [(0.2, 1), (1, 1), (1.1, 2), (7, 8), (380, 400), (410, 500), (90_001, 100_000)]
)
def test_upper_edge_is_a_round_number(most: float, top: int) -> None:
    assert nice(most) == top


def test_waves_are_marked_where_they_were_switched_first() -> None:
    record = rollouts.succeeded(100)
    found = chart(record, frame(record))
    assert found
    assert [mark.text for mark in found.marks] == ["wave 1", "wave 2", "wave 3"]
    assert re.fullmatch(r"longest gap, \d+ ms, at 14:0\d:\d\d", found.gap.text if found.gap else "")


def test_labels_of_waves_do_not_lie_on_each_other() -> None:
    record = rollouts.succeeded(100)
    for index, host in enumerate(record["hosts"].values(), 1):
        host["wave"] = index
    found = chart(record, frame(record))
    assert found
    assert len(found.marks) == 100
    labelled = [float(mark.x) for mark in found.marks if mark.text]
    assert all(after - before >= 8 for before, after in itertools.pairwise(labelled))
