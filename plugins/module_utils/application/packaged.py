"""What the system has of a name: packages, their folders, and units.

Read from dpkg's lists, without a program: on a host of another kind there are none.
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator

from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.names import SYSTEM_NAMES

#: Where dpkg lists the files of each package.
_LISTS = "var/lib/dpkg/info"
#: Where packages have their units: one in /etc may be a companion that the operator wrote.
_UNIT_FOLDERS = ("usr/lib/systemd/system", "lib/systemd/system")
_KINDS = ("service", "socket", "timer", "target", "slice", "mount", "path")


def owner_of_name(application: Application) -> Iterator[str]:
    """Yield what the system has of an application's name, or may have some day."""
    name = application.name
    if name in SYSTEM_NAMES:
        yield f"{name} is a name of {SYSTEM_NAMES[name]}"
    for pattern in (f"{name}.list", f"{name}:*.list"):
        if glob.glob(application.path(_LISTS, pattern)):
            yield f"the package {name} is installed"
    for kind in _KINDS:
        # Of a template it is `name@.service`, and every application has those.
        unit = f"{name}.{kind}"
        found = (application.path(folder, unit) for folder in _UNIT_FOLDERS)
        path = next(filter(os.path.lexists, found), "")
        if path:
            yield f"{path} exists"


def owner_of_folder(path: str, application: Application) -> str:
    """Return the package that has a folder; empty for none."""
    # A package lists each of its folders on a line of its own, by its path on the host.
    root = application.path("")
    inside = "/" + os.path.relpath(path, root) if root != "/" else path
    line = re.compile(rf"^{re.escape(inside)}$", re.MULTILINE)
    for listed in sorted(glob.glob(application.path(_LISTS, "*.list"))):
        with open(listed, encoding="utf-8", errors="replace") as file:
            if line.search(file.read()):
                return os.path.basename(listed)[: -len(".list")].partition(":")[0]
    return ""
