"""Where the phases of the hosts lie in the picture of a rollout."""

from __future__ import annotations

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.timeline import (
    Frame,
    axis,
    folded,
    frame,
    lanes,
    tone,
)

from tests import rollouts
from tests.rollouts import BEGAN, phase


def test_frame_is_the_rollout_whatever_the_clock_of_a_host_says() -> None:
    record = rollouts.succeeded(2)
    record["hosts"]["web2"]["phases"].append(phase("drain", BEGAN - 9e6, BEGAN + 9e6))
    shown = frame(record)
    assert (shown.start, shown.end) == (BEGAN, record["ended_at"])
    (lane,) = lanes(record, shown)
    bar = lane.waves[1].rows[0].bars[-1]
    assert (bar.x, bar.width) == ("0", "100")


def test_frame_of_a_rollout_without_an_end_is_what_is_known() -> None:
    record = rollouts.refused()
    record["ended_at"] = None
    assert frame(record) == Frame(BEGAN, BEGAN + 18.4)
    assert frame(rollouts.bare()) == Frame(BEGAN, BEGAN + 1)


@pytest.mark.parametrize("seconds", [1, 7, 90, 3_000, 200_000, 5_000_000])
def test_axis_has_few_marks_at_round_times(seconds: float) -> None:
    marks = axis(Frame(BEGAN + 0.3, BEGAN + 0.3 + seconds))
    assert 1 <= len(marks) <= 9
    assert all(0 <= float(mark.x) <= 100 for mark in marks)
    if seconds >= 60:
        assert all(mark.text.endswith(("0", "5")) for mark in marks)


def test_rows_are_in_waves_and_say_the_phases() -> None:
    record = rollouts.succeeded(4)
    (lane,) = lanes(record, frame(record))
    assert [wave.title for wave in lane.waves] == [
        *("Wave 1, 1 host", "Wave 2, 1 host", "Wave 3, 2 hosts")
    ]
    row = lane.waves[0].rows[0]
    assert row.said.startswith("web1, live: build 14:02:13 to 14:02:26 (13 s); hooks")
    assert [bar.kind for bar in row.bars] == [
        *("build", "hooks", "start", "healthy", "cut-over", "soak", "drain")
    ]


def test_hosts_in_no_wave_are_shown() -> None:
    record = rollouts.refused()
    (lane,) = lanes(record, frame(record))
    assert [row.name for row in lane.waves[0].rows] == ["web1", "web2", "web3", "web4"]
    assert lane.waves[0].title == ""
    assert lane.waves[0].rows[1].said == "web2, not begun: it had no phase"


def test_few_hosts_are_not_folded() -> None:
    record = rollouts.succeeded(12)
    assert folded(record["apps"]["shop"]["waves"][2], record)[1] == []


def test_notable_hosts_among_many_are_not_folded() -> None:
    record = rollouts.succeeded(100)
    wave = record["apps"]["shop"]["waves"][2]
    lost, noted, failed, *others = wave
    record["hosts"][lost]["state"] = "unreachable"
    record["hosts"][noted]["notes"] = ["its disk is full"]
    receipt = record["hosts"][failed]["receipt"]
    assert receipt
    receipt["failed"] = 1
    assert folded(wave, record) == ([lost, noted, failed], others)


def test_folded_hosts_are_one_row_from_the_first_begin_to_the_last_end() -> None:
    record = rollouts.succeeded(100)
    (lane,) = lanes(record, frame(record))
    wave = lane.waves[2]
    assert wave.alike
    assert (wave.alike.name, len(wave.folded), wave.rows) == ("74 hosts alike", 74, ())
    for bars in zip(wave.alike.bars, *(row.bars for row in wave.folded), strict=True):
        assert float(bars[0].x) == min(float(bar.x) for bar in bars[1:])


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("live", "good"),
        ("live, drained", "warn"),
        ("reverted", "warn"),
        ("unchanged", "quiet"),
        ("not begun", "quiet"),
        ("NOT REVERTED", "bad"),
        ("unreachable", "bad"),
        ("what nobody knows yet", "bad"),
    ],
)
def test_state_that_is_not_known_is_not_good(state: str, expected: str) -> None:
    assert tone(state) == expected
