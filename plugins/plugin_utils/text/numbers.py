"""Whole numbers that may come as text."""

from __future__ import annotations

import re

#: Nine digits hold every number that is asked for; more is a mistake, and a slow one to read.
SPELLED = re.compile(r"\s*(-?[0-9]{1,9})\s*")


def integer(value: object) -> int | None:
    """Return the whole number that a value is or spells; None for none, and for true and false."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return int(value)
    found = SPELLED.fullmatch(value) if isinstance(value, str) else None
    return int(found[1]) if found else None
