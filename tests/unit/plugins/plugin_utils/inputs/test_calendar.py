"""Calendar expressions: what systemd.time(7) allows, and what a controller can refuse."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.calendar import (
    CalendarError,
    check,
)

RIGHT = (
    *("minutely", "hourly", "DAILY", "weekly UTC", "monthly Europe/Berlin", "Annually"),
    *("Mon", "mon,", "Mon..Wed", "Sat,Sun 04:00", "Wed, 17:48", "Monday,Fri *-*-03 10:00 UTC"),
    *("10-15", "*-*-1..5", "2030-03-05 05:40", "30-1-1", "*-*~1", "Mon *-05~07/1", "*-02~03"),
    *("02:30", "*:0/15", "0/2:30", "*:*:*", "*:*:0/5", "10:00:00.5", "12..14:10,20,30"),
    *("00:00..30/7", "*-*-* 02:30:00 UTC", "02:30 CET", "10:00 utc", "@1895716396"),
)
WRONG = {
    "": "it is empty",
    "dayly": "dayly is neither a date such as *-*-01 nor a time such as 02:30",
    "5,6": "5,6 is neither a date such as *-*-01 nor a time such as 02:30",
    "UTC": "UTC is neither a date such as *-*-01 nor a time such as 02:30",
    "25:00": "the hour is 25; 0 to 23",
    "12:60": "the minute is 60; 0 to 59",
    "23:59:60": "the second is 60; 0 to 59",
    "1:2:3:4": "1:2:3:4 is no time such as 02:30 or *:0/15:00",
    "*-13-01": "the month is 13; 1 to 12",
    "*-*-32": "the day is 32; 1 to 31",
    "2300-1-1": "the year is 2300; 0 to 2199",
    "*-*~29": "the day is 29; 1 to 28",
    "3..1:00": "the hour is 3..1; 0 to 23",
    "*:*/15": "the minute is */15; *, or numbers such as 1,15 or 1..5 or 0/15",
    "*:00/70": "the minute is 00/70; a step from 1 to 59",
    "*:0/0": "the minute is 0/0; a step from 1 to 59",
    "*:0.5": "the minute is 0.5; 0 to 59",
    "1,:00": "the hour is empty; *, or numbers such as 1,15 or 1..5 or 0/15",
    "Fri..Mon": "fri..mon is no range of days from Monday to Sunday",
    "daily 10:00": "daily is neither a date such as *-*-01 nor a time such as 02:30",
    "30 2 * * *": "30 2 * * is neither a date such as *-*-01 nor a time such as 02:30",
}


@pytest.mark.parametrize("text", RIGHT)
def test_expression_of_the_manual_is_accepted(text: str) -> None:
    check(text)


@pytest.mark.parametrize(("text", "reason"), WRONG.items())
def test_expression_is_refused_with_its_part(text: str, reason: str) -> None:
    with pytest.raises(CalendarError) as refusal:
        check(text)
    assert str(refusal.value) == reason


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="without systemd")
@pytest.mark.parametrize("text", [*RIGHT, *WRONG])
def test_systemd_says_the_same(text: str) -> None:
    result = subprocess.run(["systemd-analyze", "calendar", text], capture_output=True, check=False)
    assert (result.returncode == 0) == (text in RIGHT)
