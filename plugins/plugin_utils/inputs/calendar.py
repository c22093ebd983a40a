"""The calendar expressions of systemd's timers, as far as a controller can judge them.

The grammar is that of systemd.time(7), "Calendar events". Whether a host knows a place's time zone,
and whether a date is still to come there, `systemd-analyze calendar` says on the host.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Collection, Iterable
from fractions import Fraction
from itertools import product

SHORTHANDS = (
    *("minutely", "hourly", "daily", "weekly", "monthly", "quarterly", "semiannually"),
    *("biannually", "bi-annually", "semi-annually", "yearly", "annually", "anually"),
)
#: Those that elapse on every day.
_DAILY = ("minutely", "hourly", "daily")
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAY = "|".join(rf"{day}|{day[:3]}" for day in _DAYS)
_WEEKDAYS = re.compile(rf"(?P<days>(?:{_DAY})(?:(?:\.\.|-|,)(?:{_DAY}))*),?(?= |$)", re.IGNORECASE)
_ZONE = re.compile(r" (?P<zone>[A-Za-z][A-Za-z0-9_+/-]*)$")
_NUMBER = r"\d{1,9}(?:\.\d{1,9})?"
_PART = re.compile(
    rf"(?P<first>{_NUMBER})(?:\.\.(?P<last>{_NUMBER}))?(?:/(?P<step>{_NUMBER}))?", re.ASCII
)
_DATE = re.compile(r"(?:(?P<year>[^-~]+)-)?(?P<month>[^-~]+)(?P<mark>[-~])(?P<day>[^-~]+)")
#: The least and the greatest of each component; two digits of a year are of 1970 to 2069.
_YEARS, _MONTHS, _MONTH_DAYS = (1970, 2199), (1, 12), (1, 31)
#: Every month has as many.
_DAYS_FROM_THE_END = (1, 28)
_CLOCK = (("the hour", (0, 23)), ("the minute", (0, 59)), ("the second", (0, 59)))
#: Years that have each date on each day of the week.
_ANY_YEAR = range(2000, 2028)
#: The zones of the tz database that are no place in an area, and its areas; it gets no more.
_ZONES = frozenset(
    (
        *("CET", "CST6CDT", "Cuba", "EET", "EST", "EST5EDT", "Egypt", "Eire", "Factory", "GB"),
        *("GB-Eire", "GMT", "GMT+0", "GMT-0", "GMT0", "Greenwich", "HST", "Hongkong", "Iceland"),
        *("Iran", "Israel", "Jamaica", "Japan", "Kwajalein", "Libya", "MET", "MST", "MST7MDT"),
        *("NZ", "NZ-CHAT", "Navajo", "PRC", "PST8PDT", "Poland", "Portugal", "ROC", "ROK"),
        *("Singapore", "Turkey", "UCT", "UTC", "Universal", "W-SU", "WET", "Zulu"),
        *("localtime", "posixrules"),
    )
)
_AREAS = frozenset(
    (
        *("Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Brazil"),
        *("Canada", "Chile", "Etc", "Europe", "Indian", "Mexico", "Pacific", "SystemV", "US"),
    )
)


class CalendarError(ValueError):
    """An expression is none of systemd.time(7); the message says which part of it."""


def check(text: str) -> None:
    """Check a calendar expression.

    Args:
        text: What stands in OnCalendar=.

    Raises:
        CalendarError: It is none, or has no date that any calendar has.
    """
    moments, zone = _split_zone(text)
    _check_moments(moments)
    if zone:
        _check_zone(zone)


def is_daily(text: str) -> bool:
    """Whether a valid expression elapses on every day, at least once.

    Args:
        text: What `check` has passed.
    """
    moments, _zone = _split_zone(text)
    if _is_short(moments):
        return moments.lower() in _DAILY
    weekdays, date, _clock = _parts(moments)
    return len(weekdays) == len(_DAYS) and date in ("", "*-*", "*-*-*")


def _split_zone(text: str) -> tuple[str, str]:
    """Return an expression without its time zone, and that; empty if it names none."""
    zone = _ZONE.search(text)
    # The last of several words; a day of the week can only be the first.
    if zone is None or _WEEKDAYS.fullmatch(zone["zone"]):
        return text, ""
    return text[: zone.start()], zone["zone"]


def _is_short(moments: str) -> bool:
    return moments.lower() in SHORTHANDS or bool(re.fullmatch(r"@\d{1,12}", moments, re.ASCII))


def _parts(moments: str) -> tuple[frozenset[int], str, str]:
    """Return the days of the week, all if none is named; the date and the clock, empty if none."""
    rest, weekdays = moments, frozenset(range(len(_DAYS)))
    days = _WEEKDAYS.match(rest)
    if days is not None:
        weekdays = _weekdays(days["days"].lower())
        rest = rest[days.end() :].removeprefix(" ")
    date, _space, clock = rest.rpartition(" ")
    return (weekdays, date, clock) if date or ":" in clock else (weekdays, clock, "")


def _check_moments(moments: str) -> None:
    """Check an expression without its time zone."""
    if _is_short(moments):
        return
    weekdays, date, clock = _parts(moments)
    if date:
        _check_date(date, weekdays)
    if clock:
        _check_clock(clock)
    if not moments.strip():
        raise CalendarError("it is empty")


def _check_zone(zone: str) -> None:
    area, slash, place = re.sub(r"^(posix|right)/", "", zone).partition("/")
    known = area in _AREAS and place if slash else area in _ZONES or zone.upper() == "UTC"
    if not known:
        raise CalendarError(f"{zone} is no time zone such as UTC or Europe/Berlin")


def _weekdays(days: str) -> frozenset[int]:
    """Return the days of the week of a list of them, 0 for Monday."""
    found: set[int] = set()
    for part in days.split(","):
        ends = [_DAYS.index(_long(day)) for day in re.split(r"\.\.|-", part)]
        if len(ends) > 2 or ends != sorted(ends):
            raise CalendarError(f"{part} is no range of days from Monday to Sunday")
        found |= set(range(ends[0], ends[-1] + 1))
    return frozenset(found)


def _long(day: str) -> str:
    return next(name for name in _DAYS if name.startswith(day[:3]))


def _check_date(date: str, weekdays: Collection[int]) -> None:
    found = _DATE.fullmatch(date)
    if found is None:
        raise CalendarError(f"{date} is neither a date such as *-*-01 nor a time such as 02:30")
    years: Iterable[int] = _ANY_YEAR
    if found["year"] is not None and found["year"] != "*":
        years = _component("the year", found["year"], _YEARS)
    months = _component("the month", found["month"], _MONTHS)
    from_the_end = found["mark"] == "~"
    bounds = _DAYS_FROM_THE_END if from_the_end else _MONTH_DAYS
    days = _component("the day", found["day"], bounds, backwards=from_the_end)
    if not any(
        _is_on(year, month, day, weekdays, from_the_end=from_the_end)
        for year, month, day in product(years, months, days)
    ):
        of_week = "" if len(weekdays) == len(_DAYS) else " on such a day of the week"
        raise CalendarError(f"there is no {date}{of_week}")


def _is_on(
    year: int, month: int, day: int, weekdays: Collection[int], *, from_the_end: bool
) -> bool:
    """Return whether there is such a date, on one of some days of the week."""
    last = calendar.monthrange(year, month)[1]
    if day > last:
        return False
    return calendar.weekday(year, month, last + 1 - day if from_the_end else day) in weekdays


def _check_clock(clock: str) -> None:
    parts = clock.split(":")
    if not 2 <= len(parts) <= len(_CLOCK):
        raise CalendarError(f"{clock} is no time such as 02:30 or *:0/15:00")
    for (name, bounds), part in zip(_CLOCK, parts, strict=False):
        _component(name, part, bounds, fractions=name == "the second")


def _component(
    name: str,
    text: str,
    bounds: tuple[int, int],
    *,
    fractions: bool = False,
    backwards: bool = False,
) -> list[int]:
    """Check a component, and return the whole numbers that it stands for.

    Args:
        name: What it is, for messages.
        text: The component.
        bounds: The least and the greatest number.
        fractions: Whether it may have decimals.
        backwards: Whether a step without an end goes down, as days from the month's end do.
    """
    low, high = bounds
    if text == "*":
        return list(range(low, high + 1))
    numbers: list[int] = []
    for part in text.split(","):
        found = _PART.fullmatch(part)
        if found is None:
            raise CalendarError(
                f"{name} is {part or 'empty'}; *, or numbers such as 1,15 or 1..5 or 0/15"
            )
        first = _number(found["first"], bounds)
        last = _number(found["last"], bounds) if found["last"] else first
        step = Fraction(found["step"] or 1)
        whole = all(number.denominator == 1 for number in (first, last, step))
        if not low <= first <= last < high + 1 or not (whole or fractions):
            raise CalendarError(f"{name} is {part}; {low} to {high}")
        most = int(first - low) if backwards else int(high - first)
        if found["step"] and not 0 < step <= (step if found["last"] else most):
            allowed = f"a step from 1 to {most}" if most else "a number without a step"
            raise CalendarError(f"{name} is {part}; {allowed}")
        if whole:
            end = last if found["last"] or not found["step"] else low if backwards else high
            ahead = -1 if backwards and end < first else 1
            numbers += range(int(first), int(end) + ahead, ahead * int(step))
    return numbers


def _number(text: str, bounds: tuple[int, int]) -> Fraction:
    """Return a number; of a year's two digits, the year."""
    number = Fraction(text)
    if bounds == _YEARS and number < 100:
        number += 2000 if number < 70 else 1900
    return number
