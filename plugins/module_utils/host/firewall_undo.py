"""A change of the firewall that the host takes back by itself, unless somebody comes back."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from ansible_collections.asgi.fleet.plugins.module_utils.host.session import Session
from ansible_collections.asgi.fleet.plugins.module_utils.host.undo import WayBack, call

UNIT = "asgi-fleet-firewall-undo"
#: Gone with the next boot; the rules are not, as ufw reads them from /etc.
FOLDER = Path("/run/asgi-fleet-firewall")
#: What commands of ufw write.
FILES = ("/etc/ufw/user.rules", "/etc/ufw/user6.rules", "/etc/ufw/ufw.conf", "/etc/default/ufw")
#: What ufw sets when it is switched on.
SYSCTL = Path("/etc/ufw/sysctl.conf")
PARAMETERS = Path("/proc/sys")
POLICY = re.compile(r"^-P \w+ \w+$", re.MULTILINE)


class Undo(WayBack):
    """The way back of one change."""

    def __init__(self, folder: Path = FOLDER, root: Path = Path("/")) -> None:
        """Take the folder that holds it, and the root below which the files of ufw are."""
        super().__init__("the firewall", UNIT, folder)
        self.root = root

    def arm(self, seconds: int, session: Session, *, active: bool) -> None:
        """Note how the firewall stands, and have it put back in some seconds.

        Not while this process lives, until `count`: ufw may take longer than that, and what it did
        after the way back would stay.

        Args:
            seconds: How long the controller has to come back.
            session: The session that the change is made in.
            active: Whether ufw is on.
        """
        self.begin(session)
        files = [self.root / path.lstrip("/") for path in FILES]
        restoring = self.save(path for path in files if path.exists())
        if active:
            commands = [*restoring, "ufw reload"]
        else:
            commands = ["ufw --force disable", *restoring, *_policies(), *_parameters()]
        self.start(seconds, commands)


def _policies() -> Iterator[str]:
    """Yield commands that set the policies of the kernel's chains as they are."""
    for program in ("iptables", "ip6tables"):
        for policy in POLICY.findall(call(program, "-S", check=False)):
            yield f"{program} {policy}"


def _parameters() -> Iterator[str]:
    """Yield commands that set the kernel's parameters as they are, of those that ufw will set."""
    if not SYSCTL.exists():
        return
    for name in re.findall(r"^\s*([\w./-]+)\s*=", SYSCTL.read_text(), re.MULTILINE):
        path = PARAMETERS / name
        if path.exists():
            yield f"echo {shlex.quote(path.read_text().strip())} >{shlex.quote(str(path))}"
