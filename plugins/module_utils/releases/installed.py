"""What is installed in a virtual environment, read from names alone.

The environment holds foreign code, which `python -m pip list` and the like would run. The names
of the folders that each installer leaves (PEP 376, "<name>-<version>.dist-info") say all that is
needed here; no file of the environment is opened.
"""

from __future__ import annotations

import glob
import os
import re

#: A record of an installation. The name has no "-", which PEP 427 replaces; old tools kept it.
#: Other characters have no place in it: what is found becomes lines of a file for uv.
_RECORD = re.compile(r"(?P<name>[A-Za-z0-9._-]+)-(?P<version>[A-Za-z0-9._+!]+)\.(dist|egg)-info")


def installed(venv: str) -> dict[str, str]:
    """Return the version of each distribution in a virtual environment, by normalised name.

    Args:
        venv: Folder of the virtual environment.
    """
    found = {}
    for folder in glob.glob(os.path.join(glob.escape(venv), "lib*", "python*", "site-packages")):
        for entry in os.listdir(folder):
            record = _RECORD.fullmatch(entry)
            if record:
                # A "-" of the version, which PEP 440 allows for a post release, is written as "_".
                found[normal(record["name"])] = record["version"].replace("_", "-")
    return found


def normal(name: str) -> str:
    """Return a distribution's normalised name (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
