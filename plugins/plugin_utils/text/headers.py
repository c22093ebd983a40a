"""The header of the files that roles write: by it the next run knows them as its own."""

from __future__ import annotations

import re

_HEADER = re.compile(r"Written by (?:asgi\.fleet|the role \w+)\b")
#: As `module_utils/servers/standing.py`, which looks for it on the host.
_TOP = 400


def with_header(text: str, subject: str) -> str:
    """Return a file with a header at its top, unless it has one: a template of one's own may not.

    Args:
        text: The file.
        subject: What it is.
    """
    if _HEADER.search(text[:_TOP]):
        return text
    return f"# {subject}. Written by asgi.fleet; changes here are lost at its next run.\n{text}"
