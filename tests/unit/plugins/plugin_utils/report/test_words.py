"""Times, numbers and foreign text as reports say them."""

from __future__ import annotations

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.words import (
    between,
    clean,
    clock,
    counted,
    day,
    duration,
    link,
    machine_time,
    milliseconds,
    names,
    share,
    without_credentials,
)

#: 28 November 2026, 23:59:59.25 UTC.
LATE = 1795910399.25


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[1;31mERROR\x1b[0m\x07 a\x00b\x9b", "ERROR ab"),
        ("one\r\ntwo\tthree\rfour", "one\ntwo\tthreefour"),
        ("a\u202eb\u2066c\ud800", "abc"),
        (None, ""),
    ],
    ids=["terminal", "lines", "direction", "none"],
)
def test_foreign_text_steers_nothing(text: str | None, shown: str) -> None:
    assert clean(text) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (None, "not known"),
        (-3, "0 s"),
        (0.04, "0 s"),
        (1.26, "1.3 s"),
        (9.96, "10 s"),
        (59.6, "1 min"),
        (89, "1 min 29 s"),
        (3600, "1 h"),
        (7500, "2 h 5 min"),
    ],
)
def test_duration_has_the_two_units_that_matter(seconds: float | None, shown: str) -> None:
    assert duration(seconds) == shown


def test_times_are_utc_and_have_no_locale() -> None:
    assert day(LATE) == "28 November 2026"
    assert clock(LATE) == "23:59:59"
    assert machine_time(LATE) == "2026-11-28T23:59:59Z"
    assert (day(None), clock(None), machine_time(None)) == ("not known", "not known", "")


def test_span_names_the_days_if_they_differ() -> None:
    assert between(LATE - 9, LATE) == "23:59:50 to 23:59:59 UTC"
    over = "28 November 2026, 23:59:59 to 29 November 2026, 00:00:09 UTC"
    assert between(LATE, LATE + 10) == over
    assert between(LATE, None) == "23:59:59 to not known UTC"


@pytest.mark.parametrize(
    ("part", "whole", "shown"),
    [
        (0, 0, "0 %"),
        (0, 9, "0 %"),
        (1, 1_000_000, "under 0.01 %"),
        (12, 33_726, "0.036 %"),
        (999, 1000, "99 %"),
        (9, 9, "100 %"),
    ],
)
def test_share_never_says_none_or_all_of_what_is_not(part: int, whole: int, shown: str) -> None:
    assert share(part, whole) == shown


def test_lengths_and_counts_are_said_as_a_person_does() -> None:
    assert [milliseconds(value) for value in (None, 0, 1234, 12_400)] == [
        *("not known", "0 ms", "1,234 ms", "12.4 s")
    ]
    assert [counted(count, "host") for count in (0, 1, 1200)] == [
        *("no hosts", "1 host", "1,200 hosts")
    ]
    hosts = [f"web{index}" for index in range(1, 9)]
    assert names(hosts, 7) == "web1, web2, web3, web4, web5, web6, web7 and 1 other"
    assert names(hosts[:2]) == "web1, web2"


@pytest.mark.parametrize(
    ("url", "followed"),
    [
        (
            "https://ada:secret@git.example.com:8443/shop?x=1#y",
            "https://git.example.com:8443/shop?x=1#y",
        ),
        ("http://git.example.com/shop", "http://git.example.com/shop"),
        ("javascript:alert(1)", ""),
        (" java\nscript:alert(1)", ""),
        ("data:text/html,x", ""),
        ("//git.example.com/shop", ""),
        ("https://", ""),
        ("https://[", ""),
        ("git@git.example.com:shop.git", ""),
        ("", ""),
    ],
)
def test_only_web_addresses_are_links_and_have_no_credentials(url: str, followed: str) -> None:
    assert link(url) == followed


def test_source_is_shown_without_credentials() -> None:
    shown = "ssh://git.example.com/shop"
    assert without_credentials("ssh://ada:secret@git.example.com/shop") == shown
    assert without_credentials("git@git.example.com:shop.git") == "git@git.example.com:shop.git"
