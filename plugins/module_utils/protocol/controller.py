"""What asgi.fleet needs of the ansible-core that runs it."""

from __future__ import annotations

import re

#: As meta/runtime.yml names it. Those of 2.19 before it may wait forever at the start of a play.
OLDEST_ANSIBLE = "2.19.4"
#: What to type, as playbooks/check.yml says it to those who run a playbook.
INSTALL = (
    "in a clone, type: make bootstrap && . .venv/bin/activate; elsewhere: uv tool install "
    "--with-executables-from ansible-core ansible, or with Python 3.12 or later: pipx install "
    "--include-deps ansible"
)


def too_old(version: str) -> str:
    """Return why an ansible-core cannot run this, and what to do; empty if it can.

    Args:
        version: Its version, such as 2.16.3.
    """
    if _numbers(version) >= _numbers(OLDEST_ANSIBLE):
        return ""
    return f"ansible-core is {version}; expected {OLDEST_ANSIBLE} or later; {INSTALL}"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)[:3]))
