"""The calendar expressions of systemd's timers, as far as a controller can judge them.

The grammar is that of systemd.time(7), "Calendar events". Whether a host knows a time zone, and
whether the expression ever elapses there, `systemd-analyze calendar` says on the host.
"""

from __future__ import annotations

import re
from fractions import Fraction

SHORTHANDS = (
    *("minutely", "hourly", "daily", "weekly", "monthly", "quarterly", "semiannually"),
    *("biannually", "bi-annually", "semi-annually", "yearly", "annually", "anually"),
)
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAY = "|".join(rf"{day}|{day[:3]}" for day in _DAYS)
_WEEKDAYS = re.compile(rf"(?P<days>(?:{_DAY})(?:(?:\.\.|-|,)(?:{_DAY}))*),?(?= |$)", re.IGNORECASE)
_ZONE = re.compile(r" (?P<zone>[A-Za-z][A-Za-z0-9_+/-]*)$")
_NUMBER = r"\d{1,9}(?:\.\d{1,6})?"
_PART = re.compile(
    rf"(?P<first>{_NUMBER})(?:\.\.(?P<last>{_NUMBER}))?(?:/(?P<step>{_NUMBER}))?", re.ASCII
)
_DATE = re.compile(r"(?:(?P<year>[^-~]+)-)?(?P<month>[^-~]+)(?P<mark>[-~])(?P<day>[^-~]+)")
#: The least and the greatest of each component; two digits of a year are of 1970 to 2069.
_YEARS, _MONTHS, _MONTH_DAYS = (0, 2199), (1, 12), (1, 31)
#: Every month has as many.
_DAYS_FROM_THE_END = (1, 28)
_CLOCK = (("the hour", (0, 23)), ("the minute", (0, 59)), ("the second", (0, 59)))


class CalendarError(ValueError):
    """An expression is none of systemd.time(7); the message says which part of it."""


def check(text: str) -> None:
    """Check a calendar expression.

    Args:
        text: What stands in OnCalendar=.

    Raises:
        CalendarError: It is none.
    """
    rest = text
    zone = _ZONE.search(rest)
    # The last of several words; a day of the week can only be the first.
    if zone is not None and not _WEEKDAYS.fullmatch(zone["zone"]):
        rest = rest[: zone.start()]
    if rest.lower() in SHORTHANDS:
        return
    if re.fullmatch(r"@\d{1,12}", rest, re.ASCII):
        return
    days = _WEEKDAYS.match(rest)
    if days is not None:
        _check_days(days["days"].lower())
        rest = rest[days.end() :].removeprefix(" ")
        if not rest:
            return
    date, _space, clock = rest.rpartition(" ")
    if not date and ":" not in clock:
        date, clock = clock, ""
    if date:
        _check_date(date)
    if clock:
        _check_clock(clock)
    if not date and not clock:
        raise CalendarError("it is empty")


def _check_days(days: str) -> None:
    for part in days.split(","):
        ends = [_DAYS.index(_long(day)) for day in re.split(r"\.\.|-", part)]
        if len(ends) > 2 or ends != sorted(ends):
            raise CalendarError(f"{part} is no range of days from Monday to Sunday")


def _long(day: str) -> str:
    return next(name for name in _DAYS if name.startswith(day[:3]))


def _check_date(date: str) -> None:
    found = _DATE.fullmatch(date)
    if found is None:
        raise CalendarError(f"{date} is neither a date such as *-*-01 nor a time such as 02:30")
    if found["year"] is not None:
        _check_component("the year", found["year"], _YEARS)
    _check_component("the month", found["month"], _MONTHS)
    from_the_end = found["mark"] == "~"
    bounds = _DAYS_FROM_THE_END if from_the_end else _MONTH_DAYS
    # Counted from the month's end, a step goes the other way.
    _check_component("the day", found["day"], bounds, any_step=from_the_end)


def _check_clock(clock: str) -> None:
    parts = clock.split(":")
    if not 2 <= len(parts) <= len(_CLOCK):
        raise CalendarError(f"{clock} is no time such as 02:30 or *:0/15:00")
    for (name, bounds), part in zip(_CLOCK, parts, strict=False):
        _check_component(name, part, bounds, fractions=name == "the second")


def _check_component(
    name: str,
    text: str,
    bounds: tuple[int, int],
    *,
    fractions: bool = False,
    any_step: bool = False,
) -> None:
    if text == "*":
        return
    low, high = bounds
    for part in text.split(","):
        found = _PART.fullmatch(part)
        if found is None:
            raise CalendarError(
                f"{name} is {part or 'empty'}; *, or numbers such as 1,15 or 1..5 or 0/15"
            )
        first = Fraction(found["first"])
        last = Fraction(found["last"] or found["first"])
        step = Fraction(found["step"] or 1)
        whole = all(number.denominator == 1 for number in (first, last, step))
        if not low <= first <= last < high + 1 or not (whole or fractions):
            raise CalendarError(f"{name} is {part}; {low} to {high}")
        most = step if found["last"] or any_step else high - first
        if found["step"] and not 0 < step <= most:
            raise CalendarError(f"{name} is {part}; a step from 1 to {int(most)}")
