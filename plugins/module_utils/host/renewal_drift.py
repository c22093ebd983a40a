"""How what renews a certificate on a host differs from what is wanted."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from ansible_collections.asgi.fleet.plugins.module_utils.host.certificate_drift import digest


@dataclass(frozen=True)
class Renewing:
    """What renews the pair on the host itself.

    Attributes:
        files: The SHA-256 of each file, in hexadecimal digits, by its path.
        timer: The unit that has to start at boot; empty for none.
        absent: Files that must not be there.
    """

    files: Mapping[str, str]
    timer: str
    absent: tuple[str, ...] = ()


def renewal_drift(wanted: Renewing, units: str = "/etc/systemd/system") -> list[str]:
    """Return the paths of what renews the pair that are not as wanted."""
    paths = [
        path
        for path, wanted_digest in wanted.files.items()
        if not os.path.isfile(path) or digest(path) != wanted_digest
    ]
    paths += [path for path in wanted.absent if os.path.lexists(path)]
    link = os.path.join(units, "timers.target.wants", wanted.timer)
    return paths if not wanted.timer or os.path.islink(link) else [*paths, link]
