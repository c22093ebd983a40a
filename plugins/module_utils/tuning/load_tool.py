"""The load tool, wrk: the host's own, or the distribution's package, unpacked and not installed.

An installation would have to be undone, also after the module was killed, with the libraries that
it brought and without those that somebody else needs since. A folder is removed.
"""

# No AnsibleModule here, whose run_command ansible-test asks for.
# pylint: disable=ansible-bad-function

from __future__ import annotations

import glob
import os
import shutil
import subprocess
from dataclasses import dataclass

from ansible_collections.asgi.fleet.plugins.module_utils.host import apt, apt_sources
from ansible_collections.asgi.fleet.plugins.module_utils.host.systemd import Refusal

PACKAGE = "wrk"
#: Seconds to wait for others that use apt.
WAIT_SECONDS = 300.0


@dataclass(frozen=True)
class LoadTool:
    """The program.

    Attributes:
        program: Its path.
        libraries: Folders of its libraries, for LD_LIBRARY_PATH; empty for those of the host.
    """

    program: str
    libraries: str = ""


def find(folder: str) -> LoadTool:
    """Return the load tool; unpack it below a folder if the host has none.

    Raises:
        Refusal: apt cannot get it; with apt's reason.
    """
    if path := shutil.which(PACKAGE, path="/usr/local/bin:/usr/bin"):
        return LoadTool(path)
    archives, root = os.path.join(folder, "archives"), os.path.join(folder, "root")
    # What a killed run has left.
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(os.path.join(archives, "partial"), mode=0o755)
    os.mkdir(root, mode=0o755)
    try:
        apt.wait_until_free(WAIT_SECONDS)
        apt_sources.refresh([PACKAGE])
    except apt.AptError as error:
        raise Refusal(str(error)) from None
    # With the libraries that this host lacks, and no others.
    _run(
        *("apt-get", "install", "--download-only", "--yes", "--no-install-recommends"),
        *("-o", f"Dir::Cache::archives={archives}", PACKAGE),
    )
    for archive in sorted(glob.glob(os.path.join(glob.escape(archives), "*.deb"))):
        _run("dpkg-deb", "--extract", archive, root)
    libraries = glob.glob(os.path.join(glob.escape(root), "usr/lib/*-linux-gnu*"))
    return LoadTool(os.path.join(root, "usr/bin", PACKAGE), ":".join(sorted(libraries)))


def _run(*command: str) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if result.returncode:
        told = (result.stderr.strip() or result.stdout.strip() or "no reason given").splitlines()
        raise Refusal(
            f"the load tool {PACKAGE} is not installed, and {command[0]} cannot get it: "
            f"{'; '.join(told[-3:])}; install it yourself (on Ubuntu it is in the component "
            "universe), and run again"
        )
