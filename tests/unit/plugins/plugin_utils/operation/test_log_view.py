"""The lines of several hosts become one view."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.operation.log_view import (
    cut_lines,
    footer,
    interval,
    merged,
    shown,
)

#: 2026-11-28 10:00:00 UTC.
TEN = 1_795_860_000.0


def answer(*lines: tuple[float, str], left_out: int | None = 0) -> dict[str, Any]:
    return {
        "lines": [[moment, "journal", text] for moment, text in lines],
        "left_out": left_out,
    }


def test_lines_of_all_hosts_are_in_order_of_time() -> None:
    answers = {
        "web1": answer((TEN, "one"), (TEN + 2, "three")),
        "db": answer((TEN + 1.25, "two")),
    }
    assert merged(answers) == [
        "2026-11-28 10:00:00.000 web1 one",
        "2026-11-28 10:00:01.250 db   two",
        "2026-11-28 10:00:02.000 web1 three",
    ]


def test_lines_of_one_moment_stay_in_their_order() -> None:
    """A traceback is one entry of the journal, of many lines."""
    lines = merged({"web1": answer((TEN, "b"), (TEN, "a"))})
    assert [line[-1] for line in lines] == ["b", "a"]


def test_no_host_has_no_lines() -> None:
    assert merged({}) == []


def test_time_is_cut_and_not_rounded_up() -> None:
    assert shown(TEN + 59.9999, "web1", "x", 0) == "2026-11-28 10:00:59.999 web1 x"


def test_lines_that_are_left_out_are_told() -> None:
    answers = {
        "web1": answer(),
        "web2": answer(left_out=3),
        "web3": answer(left_out=None),
    }
    told = cut_lines(answers, 500)
    assert [line.partition(" are")[0] for line in told] == [
        "web2: 3 earlier lines",
        "web3: earlier lines",
    ]
    assert "-e logs_lines=5000" in told[0]


def test_no_line_at_all_is_told() -> None:
    assert footer(["a line"], TEN) == ""
    assert footer([], TEN).startswith("no lines since 2026-11-28 10:00:00 UTC; ")


@pytest.mark.parametrize(("hosts", "seconds"), [(1, 2.0), (20, 2.0), (50, 5.0)])
def test_more_hosts_are_asked_less_often(hosts: int, seconds: float) -> None:
    assert interval(hosts) == seconds
