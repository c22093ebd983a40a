"""A moment as journalctl(1) takes it after --since: systemd.time(7), as far as people type it."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

EXPECTED = (
    "a moment such as `10 min ago`, `2 h ago`, `-1d`, `today`, `yesterday`, `08:15`, "
    "`2026-11-21 08:15` (in UTC), or @ and a Unix time"
)
_SECONDS = {
    "second": 1,
    "minute": 60,
    "hour": 3600,
    "day": 86_400,
    "week": 604_800,
    "month": 2_629_800,
    "year": 31_557_600,
}
#: As in systemd.time(7): M is a month, m a minute.
_UNITS = {
    **{name: seconds for unit, seconds in _SECONDS.items() for name in (unit, f"{unit}s")},
    "s": 1,
    "sec": 1,
    "m": 60,
    "min": 60,
    "h": 3600,
    "hr": 3600,
    "d": 86_400,
    "w": 604_800,
    "M": 2_629_800,
    "y": 31_557_600,
}
_PART = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)")
_ABSOLUTE = re.compile(
    r"(?:(?P<day>\d{4}-\d{2}-\d{2})[ T]?)?(?P<time>\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?"
    r"\s*(?:UTC|Z)?"
)


def moment(text: str, now: float) -> float:
    """Return the Unix time of a moment.

    A time of day without a zone is UTC, as all times that are shown: hosts may have other zones.

    Args:
        text: As an operator types it.
        now: The Unix time.

    Raises:
        ValueError: It is none.
    """
    text = text.strip()
    today = datetime.fromtimestamp(now, timezone.utc).replace(
        hour=0, minute=0, second=0, microsecond=0
    )
    named = {
        "now": now,
        "today": today.timestamp(),
        "yesterday": (today - timedelta(days=1)).timestamp(),
    }
    if text in named:
        return named[text]
    if re.fullmatch(r"@\d{1,12}(?:\.\d+)?", text):
        return float(text[1:])
    if text.endswith(" ago"):
        return now - _span(text.removesuffix(" ago"))
    if text.startswith("-"):
        return now - _span(text[1:])
    found = _ABSOLUTE.fullmatch(text)
    if not found or not (found["day"] or found["time"]):
        raise ValueError(text)
    day = datetime.fromisoformat(found["day"]) if found["day"] else today
    hours, minutes, seconds = (*map(float, (found["time"] or "0:0").split(":")), 0.0)[:3]
    if hours >= 24 or minutes >= 60 or seconds >= 60:
        raise ValueError(text)
    passed = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    return (day.replace(tzinfo=timezone.utc) + passed).timestamp()


def _span(text: str) -> float:
    """Return the seconds of a span, such as `1h 30min`; a number alone is of seconds."""
    seconds, place = 0.0, 0
    while place < len(text.rstrip()):
        found = _PART.match(text, place)
        if not found or (found[2] or "s") not in _UNITS:
            raise ValueError(text)
        seconds += float(found[1]) * _UNITS[found[2] or "s"]
        place = found.end()
    if place == 0:
        raise ValueError(text)
    return seconds
