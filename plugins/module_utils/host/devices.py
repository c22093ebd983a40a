"""Devices of a host that make applications faster, and that the sandbox hides."""

from __future__ import annotations

import glob
import grp
import os
import stat
from collections.abc import Collection

#: Graphics processors and other accelerators, by the paths of their drivers. Not what nearly every
#: machine has, such as its console or its sound.
ACCELERATORS = (
    *("nvidia[0-9]*", "nvidiactl", "nvidia-uvm", "dri/renderD*", "kfd", "accel/accel*"),
    *("apex_[0-9]*", "davinci[0-9]*", "hailo[0-9]*"),
)


def hidden_devices(allowed: Collection[str], root: str = "/dev") -> list[str]:
    """Return a note about the host's accelerators if the application may use none of them.

    Args:
        allowed: The devices that it may use.
        root: /dev, or a folder in tests.
    """
    found = sorted(path for name in ACCELERATORS for path in glob.glob(os.path.join(root, name)))
    if not found or set(found) & set(allowed):
        return []
    groups = sorted({group for path in found if (group := _group(path))})
    names = ", ".join(found)
    told = (
        f"the host has {names}, which the application cannot see; if it is to use them: "
        f"app_devices: [{names}]"
    )
    if groups:
        options = f"{{SupplementaryGroups: {' '.join(groups)}}}"
        told += f", and for their group gunicorn_service_service_options: {options}"
    return [told]


def _group(path: str) -> str:
    """Return the group that alone may use a device; empty if everyone may."""
    found = os.stat(path)
    if found.st_mode & stat.S_IWOTH or found.st_gid == 0:
        return ""
    try:
        return grp.getgrgid(found.st_gid).gr_name
    except KeyError:
        return ""
