"""What is told about Debian packages that a host cannot have, by its module and apt's action."""

from __future__ import annotations

import re
from collections.abc import Sequence

#: How apt says that nothing leads to a source.
_UNREACHED = re.compile(
    r"((?:Temporary failure resolving|Could not resolve|Cannot initiate the connection to"
    r"|Could not connect to|Unable to connect to|Connection failed|Connection timed out)[^\n]*)"
)


def out_of_reach(names: Sequence[str], output: str) -> str:
    """Return what to do on a host that does not reach its sources; empty for another reason.

    Args:
        names: Packages that are to be installed.
        output: What apt printed.
    """
    found = _UNREACHED.search(output)
    if not found:
        return ""
    return (
        "this host lacks Debian packages, and apt does not reach where they are "
        f"({found[1].strip().rstrip('.:')}); let it (host_baseline_apt_proxy names a proxy, "
        "/etc/apt/sources.list a mirror that it reaches), or bring them to the host, as a part of "
        f"its image or by `apt-get install ./*.deb`: {' '.join(names)}; then run the same command "
        "again"
    )
