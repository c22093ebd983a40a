"""A moment as people type it, in UTC."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.operation.moments import moment

NOW = datetime(2026, 11, 28, 10, 0, 30, 500_000, tzinfo=timezone.utc).timestamp()


def utc(*parts: int) -> float:
    return datetime(*parts, tzinfo=timezone.utc).timestamp()  # type: ignore[arg-type,misc]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now", NOW),
        ("today", utc(2026, 11, 28)),
        ("yesterday", utc(2026, 11, 27)),
        ("10 min ago", NOW - 600),
        ("1h 30min ago", NOW - 5400),
        ("1.5 h ago", NOW - 5400),
        ("90 ago", NOW - 90),
        ("-1d", NOW - 86_400),
        ("-2 weeks", NOW - 1_209_600),
        # systemd.time(7): a month and a minute.
        ("-1M", NOW - 2_629_800),
        ("-1m", NOW - 60),
        ("@1795241400", 1_795_241_400.0),
        ("@1795241400.25", 1_795_241_400.25),
        ("08:15", utc(2026, 11, 28, 8, 15)),
        ("8:15:30", utc(2026, 11, 28, 8, 15, 30)),
        ("2026-11-21", utc(2026, 11, 21)),
        ("2026-11-21 08:15", utc(2026, 11, 21, 8, 15)),
        ("2026-11-21T08:15:30Z", utc(2026, 11, 21, 8, 15, 30)),
        ("2026-11-21 08:15 UTC", utc(2026, 11, 21, 8, 15)),
        ("  today ", utc(2026, 11, 28)),
    ],
)
def test_moment_is_read_as_journalctl_reads_it(text: str, expected: float) -> None:
    assert moment(text, NOW) == pytest.approx(expected)


def test_moment_of_a_second_keeps_its_fraction() -> None:
    assert moment("08:15:30.25", NOW) == utc(2026, 11, 28, 8, 15, 30) + 0.25


@pytest.mark.parametrize(
    "text",
    [
        *("", "soon", "ago", " ago", "-", "10 parsecs ago", "10 min", "min ago", "1h x ago"),
        *("24:00", "08:60", "08:15:60", "2026-13-01", "2026-02-30", "UTC", "@", "@now", "8"),
    ],
)
def test_moment_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        moment(text, NOW)
