"""Times, numbers and foreign text as a report says them: the same on every machine, and in UTC."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timezone
from urllib.parse import urlsplit

from ansible_collections.asgi.fleet.plugins.module_utils.protocol.text import STEERING

#: Not strftime's, which follow the locale of the machine.
MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
#: Colours and the like, as programs send them to a terminal (ECMA-48, 5.4). Dropped as a whole:
#: without its first character, the rest would be shown.
_SEQUENCE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")


def clean(text: object) -> str:
    """Return foreign text without characters that steer what shows it; empty for None."""
    found = "" if text is None else str(text).replace("\r\n", "\n")
    return STEERING.sub("", _SEQUENCE.sub("", found))


def number(count: int) -> str:
    """Return a number with its thousands apart, such as `33,726`."""
    return f"{count:,}"


def counted(count: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun: `1 host`, `2 hosts`, `no hosts`."""
    word = noun if count == 1 else plural or f"{noun}s"
    return f"{number(count) if count else 'no'} {word}"


def milliseconds(value: float | None) -> str:
    """Return a length such as `41 ms` or `12.4 s`; `not known` for None."""
    if value is None:
        return "not known"
    return f"{value:,.0f} ms" if value < 10_000 else f"{value / 1000:,.1f} s"


def duration(seconds: float | None) -> str:
    """Return a length of time such as `8 s`, `1 min 29 s` or `2 h 5 min`."""
    if seconds is None:
        return "not known"
    if seconds < 9.95:
        return f"{max(seconds, 0):.1f}".removesuffix(".0") + " s"
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest} s"
    hours, left = divmod(minutes, 60)
    if not hours:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    return f"{hours} h {left} min" if left else f"{hours} h"


def _utc(when: float) -> datetime:
    return datetime.fromtimestamp(when, timezone.utc)


def clock(when: float | None, exact: bool = False) -> str:
    """Return the time of day, such as `14:02:11`, or `14:02:11.250` if it is to be exact."""
    if when is None:
        return "not known"
    found = _utc(when)
    return f"{found:%H:%M:%S}" + (f".{found.microsecond // 1000:03d}" if exact else "")


def day(when: float | None) -> str:
    """Return the day, such as `28 November 2026`."""
    if when is None:
        return "not known"
    found = _utc(when)
    return f"{found.day} {MONTHS[found.month - 1]} {found.year}"


def machine_time(when: float | None) -> str:
    """Return a time for programs, by RFC 3339; empty for None."""
    return "" if when is None else f"{_utc(when):%Y-%m-%dT%H:%M:%SZ}"


def between(begin: float | None, end: float | None) -> str:
    """Return a span of time, such as `14:02:11 to 14:03:40 UTC`, with the days if they differ."""
    if begin is None or end is None:
        return f"{clock(begin)} to {clock(end)} UTC"
    if day(begin) == day(end):
        return f"{clock(begin)} to {clock(end)} UTC"
    return f"{day(begin)}, {clock(begin)} to {day(end)}, {clock(end)} UTC"


def share(part: int, whole: int) -> str:
    """Return a share such as `12 %` or `0.04 %`; what is there is never said to be none."""
    percent = 100 * part / whole if whole else 0.0
    if percent == 0 or percent >= 10:
        # 99.9 % is not all.
        return f"{min(round(percent), 99 if part < whole else 100)} %"
    return "under 0.01 %" if percent < 0.01 else f"{percent:.2g} %"


def names(hosts: Sequence[str], most: int = 6) -> str:
    """Return the first names, and the number of the others: `web1, web2 and 12 others`."""
    if len(hosts) <= most:
        return ", ".join(hosts)
    left = len(hosts) - most
    return f"{', '.join(hosts[:most])} and {left} {'other' if left == 1 else 'others'}"


def link(url: str) -> str:
    """Return a URL that a browser may follow, without its credentials; empty for any other."""
    try:
        parts = urlsplit(clean(url).strip())
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return ""
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def without_credentials(url: str) -> str:
    """Return where a source is from, as it is shown: without a name and a password."""
    return re.sub(r"(?<=://)[^/?#\s]*@", "", clean(url).strip())
