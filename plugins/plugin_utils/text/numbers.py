"""Whole numbers that may come as text."""

from __future__ import annotations

import re

#: Nine digits are enough for every number here; more is a mistake, and slow to parse.
SPELLED = re.compile(r"\s*(-?[0-9]{1,9})\s*")


def integer(value: object) -> int | None:
    """Return a whole number, also given as text; None for anything else, even true and false."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return int(value)
    found = SPELLED.fullmatch(value) if isinstance(value, str) else None
    return int(found[1]) if found else None
