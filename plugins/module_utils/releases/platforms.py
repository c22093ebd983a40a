"""What wheels must fit: the machine, its C library, and the version of the interpreter."""

from __future__ import annotations

import glob
import os
import re

#: Where an interpreter of the host is, and where uv keeps its own, below the root.
PLACES = (
    "usr/bin/python{0}",
    "usr/local/bin/python{0}",
    "opt/uv/python/cpython-{0}.*/bin/python{0}",
)


def platform_of(python: str, root: str = "/") -> str:
    """Return the platform of this host for people and for comparison.

    Args:
        python: Version of the interpreter that a release wants; empty for the host's python3.
        root: "/" on a host, and a folder in tests.

    Returns:
        Such as `x86_64, glibc 2.41, Python 3.13`.
    """
    try:
        libc = os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (OSError, ValueError):
        libc = ""
    parts = (os.uname().machine, libc or "another libc", f"Python {_minor(python, root)}")
    return ", ".join(parts)


def has_interpreter(python: str, root: str = "/") -> bool:
    """Return whether the host has the wanted interpreter, so that nothing must be downloaded."""
    version = _minor(python, root)
    return any(glob.glob(os.path.join(root, place.format(version))) for place in PLACES)


def _minor(python: str, root: str) -> str:
    """Return the version by which wheels are told apart: its first two numbers."""
    # Debian's python3 is a link to python3.13: no process has to be asked.
    wanted = python or os.path.basename(os.path.realpath(os.path.join(root, "usr/bin/python3")))
    found = re.search(r"\d+\.\d+", wanted)
    return found[0] if found else wanted
