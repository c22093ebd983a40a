"""Sites that are served in the servers of another one, by the files that it includes of them."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterator

#: A folder for each site, by its name, of what it includes.
FOLDER = "/etc/nginx/fleet"
SITES = "/etc/nginx/conf.d"


def stale_mounts(name: str, mount_of: str, folder: str = FOLDER) -> list[str]:
    """Return the files by which a site is still served in another one's servers.

    Args:
        name: The site.
        mount_of: In whose servers it is to be served.
        folder: The folder of them all.
    """
    found = glob.glob(f"{folder}/*/{name}.locations") + glob.glob(f"{folder}/*/{name}.switch")
    return sorted(path for path in found if os.path.basename(os.path.dirname(path)) != mount_of)


def mount_notes(name: str, mount_of: str, exists: Callable[[str], bool]) -> Iterator[str]:
    """Yield what to know of a site that is to be served in another one's servers."""
    if mount_of and not exists(f"{SITES}/{mount_of}.conf"):
        yield (
            f"{name} is mounted on {mount_of}, which has no site on this host yet: it is served "
            f"from the moment on when {mount_of} is deployed here too"
        )
