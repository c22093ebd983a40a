"""The SSH session that a process runs in."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple


class Session(NamedTuple):
    """One connection; another one has another `client_port`, also through a jump host."""

    client: str
    client_port: int
    server: str
    port: int

    @property
    def is_ipv6(self) -> bool:
        """Whether it came by IPv6."""
        return ":" in self.server and not self.server.lower().startswith("::ffff:")


def session_of(pid: int, proc: Path = Path("/proc")) -> Session | None:
    """Return the SSH session of a process.

    sshd sets SSH_CONNECTION for its children, "client-address client-port server-address
    server-port"; sudo does not pass it on, but its parent processes still have it.

    Args:
        pid: The process.
        proc: The root of procfs.

    Returns:
        The session; None without one.
    """
    while pid > 1:
        try:
            variables = (proc / str(pid) / "environ").read_bytes().split(b"\0")
            status = (proc / str(pid) / "status").read_text()
        except OSError:
            return None
        for variable in variables:
            name, _equals, value = variable.partition(b"=")
            words = value.decode(errors="replace").split()
            if name == b"SSH_CONNECTION" and len(words) == 4:
                return Session(words[0], int(words[1]), words[2], int(words[3]))
        parent = re.search(r"^PPid:\s*(\d+)", status, re.MULTILINE)
        pid = int(parent[1]) if parent else 0
    return None
