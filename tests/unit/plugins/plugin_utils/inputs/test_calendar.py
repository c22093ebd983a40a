"""Calendar expressions: what systemd.time(7) allows, and what a controller can refuse."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.calendar import (
    CalendarError,
    check,
    is_daily,
)

RIGHT = (
    *("minutely", "hourly", "DAILY", "weekly UTC", "monthly Europe/Berlin", "Annually"),
    *("Mon", "mon,", "Mon..Wed", "Sat,Sun 04:00", "Wed, 17:48", "Monday,Fri *-*-03 10:00 UTC"),
    *("10-15", "*-*-1..5", "2030-03-05 05:40", "30-1-1", "*-*~1", "Mon *-05~07/1", "*-02~03"),
    *("02:30", "*:0/15", "0/2:30", "*:*:*", "*:*:0/5", "10:00:00.5", "12..14:10,20,30"),
    *("00:00..30/7", "*-*-* 02:30:00 UTC", "02:30 CET", "10:00 utc", "@1895716396"),
    *("*~28/4", "*~2/1", "*~1..3/2", "69-1-1", "26..2036/10-1-1", "*-2-29", "*-2,4-30,31 8:00"),
    *("Thu 2027-04-01", "Thu *-02-29", "10:00:00.1234567", "0:0 America/Port-au-Prince"),
    "daily Etc/GMT-14",
)
WRONG = {
    "": "it is empty",
    " ": "it is empty",
    "dayly": "dayly is neither a date such as *-*-01 nor a time such as 02:30",
    "5,6": "5,6 is neither a date such as *-*-01 nor a time such as 02:30",
    "UTC": "UTC is neither a date such as *-*-01 nor a time such as 02:30",
    "25:00": "the hour is 25; 0 to 23",
    "12:60": "the minute is 60; 0 to 59",
    "23:59:60": "the second is 60; 0 to 59",
    "1:2:3:4": "1:2:3:4 is no time such as 02:30 or *:0/15:00",
    "*-13-01": "the month is 13; 1 to 12",
    "*-*-32": "the day is 32; 1 to 31",
    "2300-1-1": "the year is 2300; 1970 to 2199",
    "100-1-1": "the year is 100; 1970 to 2199",
    "1969-1-1": "the year is 1969; 1970 to 2199",
    "2026/174-1-1": "the year is 2026/174; a step from 1 to 173",
    "69..70-1-1": "the year is 69..70; 1970 to 2199",
    "*~22/22": "the day is 22/22; a step from 1 to 21",
    "*~1/7": "the day is 1/7; a number without a step",
    "02:30 pm": "pm is no time zone such as UTC or Europe/Berlin",
    "02:30 CEST": "CEST is no time zone such as UTC or Europe/Berlin",
    "*-*-* 02:30 europe/berlin": "europe/berlin is no time zone such as UTC or Europe/Berlin",
    "daily weekly": "weekly is no time zone such as UTC or Europe/Berlin",
    "daily Europe/": "Europe/ is no time zone such as UTC or Europe/Berlin",
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
#: What systemd understands, and says that it elapses never.
NEVER = {
    "*-02-30": "there is no *-02-30",
    "*-4,6-31 12:00 UTC": "there is no *-4,6-31",
    "2027-02-29": "there is no 2027-02-29",
    "Mon 2027-04-01": "there is no 2027-04-01 on such a day of the week",
    "Tue..Wed,Fri 2027-02~28": "there is no 2027-02~28 on such a day of the week",
}


@pytest.mark.parametrize("text", RIGHT)
def test_expression_of_the_manual_is_accepted(text: str) -> None:
    check(text)


@pytest.mark.parametrize(("text", "reason"), [*WRONG.items(), *NEVER.items()])
def test_expression_is_refused_with_its_part(text: str, reason: str) -> None:
    with pytest.raises(CalendarError) as refusal:
        check(text)
    assert str(refusal.value) == reason


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="without systemd")
@pytest.mark.parametrize("text", [*RIGHT, *WRONG])
def test_systemd_says_the_same(text: str) -> None:
    result = subprocess.run(["systemd-analyze", "calendar", text], capture_output=True, check=False)
    assert (result.returncode == 0) == (text in RIGHT)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="without systemd")
@pytest.mark.parametrize("text", NEVER)
def test_systemd_says_of_a_date_that_there_is_none_that_it_never_comes(text: str) -> None:
    command = ["systemd-analyze", "calendar", text]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "Next elapse: never" in result.stdout


@pytest.mark.parametrize(
    ("text", "daily"),
    [
        *(
            (text, True)
            for text in ("hourly", "Daily", "03:30", "*:0/15", "*-*-* 4:00", "*-* 4:00")
        ),
        *((text, True) for text in ("Mon..Sun 04:00", "02:30 UTC", "*-*-* 02:30 Europe/Berlin")),
        *((text, False) for text in ("weekly", "monthly UTC", "Mon", "Sat,Sun 04:00", "10-15")),
        *((text, False) for text in ("*-*-1..5", "Mon..Fri *-*-* 04:00:00", "*-*~1 1:00", "@1")),
    ],
)
def test_expression_of_every_day_is_told_from_others(text: str, daily: bool) -> None:
    check(text)
    assert is_daily(text) is daily
