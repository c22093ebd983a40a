"""Talks to a running HAProxy through its runtime socket, and plans a drain.

`plan` and the parsers are pure; `Runtime` is the socket.
"""

from __future__ import annotations

import csv
import io
import socket
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ansible_collections.asgi.fleet.plugins.module_utils.protocol.text import printable

#: `srv_admin_state`: what the operator and the configuration have set.
#: https://docs.haproxy.org/3.0/management.html, "show servers state"
DRAINED = 0x08
MAINTENANCE = 0x01
RUNNING = 2


class HaproxyError(Exception):
    """A refusal, worded for the operator."""


@dataclass(frozen=True)
class ServerState:
    """The state of one server.

    Attributes:
        operational: 0 stopped, 1 starting, 2 running, 3 stopping; from the health checks.
        admin: Bits that the operator has set; with 0 it gets traffic whenever it is running.
        sessions: Requests and streams that it is serving now.
        check: What its last check said, in HAProxy's words.
        weight: Its weight now; without one, it is no server for a visitor who stays with it either.
        full_weight: The weight of the configuration.
    """

    operational: int
    admin: int
    sessions: int = 0
    check: str = ""
    weight: int = 1
    full_weight: int = 1

    @property
    def serves(self) -> bool:
        """Whether it gets new requests."""
        return self.operational == RUNNING and self.admin == 0

    @property
    def drained(self) -> bool:
        """Whether an operator has drained it."""
        return bool(self.admin & DRAINED)


class Runtime:
    """The runtime socket of an HAProxy.

    Args:
        path: Path of the stats socket, with level admin.
        timeout: Seconds that an answer may take.
    """

    def __init__(self, path: str, timeout: float = 10.0) -> None:
        self.path = path
        self.timeout = timeout

    def ask(self, command: str) -> str:
        """Send a command; return the answer.

        Raises:
            HaproxyError: nobody listens.
        """
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                deadline = time.monotonic() + self.timeout
                connection.settimeout(self.timeout)
                connection.connect(self.path)
                connection.sendall(f"{command}\n".encode())
                parts = []
                # One deadline for all parts.
                while part := connection.recv(65536):
                    parts.append(part)
                    connection.settimeout(max(0.001, deadline - time.monotonic()))
        except OSError as error:
            raise HaproxyError(
                f"haproxy does not answer on {self.path} ({error.strerror or error}); expected a "
                "running haproxy; see: systemctl status haproxy"
            ) from error
        return b"".join(parts).decode(errors="replace").strip()

    def order(self, command: str) -> None:
        """Send a command that has no answer when it succeeds.

        Raises:
            HaproxyError: With HAProxy's reason.
        """
        answer = self.ask(command)
        if answer:
            raise HaproxyError(f"haproxy refuses '{command}': {answer}")

    def servers(self) -> dict[str, ServerState]:
        """Return the state of all servers, by `backend/server`."""
        return parse_servers(self.ask("show servers state"), self.ask("show stat -1 4 -1"))


def parse_servers(states: str, statistics: str) -> dict[str, ServerState]:
    """Return the state of all servers, by `backend/server`.

    Args:
        states: Answer to `show servers state`.
        statistics: Answer to `show stat -1 4 -1`, with the sessions and the checks.
    """
    rows = {
        f"{row['# pxname']}/{row['svname']}": row for row in csv.DictReader(io.StringIO(statistics))
    }
    found = {}
    for line in states.splitlines():
        fields = line.split()
        if len(fields) < 9 or line.startswith("#"):
            continue
        name = f"{fields[1]}/{fields[3]}"
        row = rows.get(name, {})
        sessions = int(row.get("scur") or 0)
        operational, admin, weight, full_weight = map(int, fields[5:9])
        found[name] = ServerState(
            operational, admin, sessions, _check(row), weight=weight, full_weight=full_weight
        )
    return found


def _check(row: Mapping[str, str]) -> str:
    """Return what the last check of a server said, such as `L7STS/503`."""
    parts = (row.get("check_status"), row.get("check_code"), row.get("last_chk"))
    # A star stands for a check that is under way.
    return printable("/".join(part for part in parts if part)).lstrip("* ")[:100]


def plan(
    servers: Mapping[str, ServerState],
    wanted: Iterable[str],
    *,
    drain: bool,
    others: str = "one",
) -> list[str]:
    """Return the servers whose state must change.

    Args:
        servers: The state of all, by `backend/server`.
        wanted: The servers to drain, or to return to traffic.
        drain: Whether to drain them.
        others: Which other servers of a backend must serve while these do not: one, all or none.

    Raises:
        HaproxyError: A server is unknown, or no server of a backend would be left to serve.
    """
    names = list(dict.fromkeys(wanted))
    for name in names:
        if name not in servers:
            raise HaproxyError(
                f"{name} is not a server of haproxy; expected one of "
                f"{', '.join(sorted(servers)) or 'none at all'}; "
                "run: ansible-playbook playbooks/balancer.yml"
            )
    if not drain:
        return [name for name in names if servers[name].admin & (DRAINED | MAINTENANCE)]
    changed = [name for name in names if not servers[name].drained]
    for name in changed:
        if servers[name].serves and others != "none":
            _require_others(servers, names, name, others)
    return changed


def _require_others(
    servers: Mapping[str, ServerState], names: list[str], name: str, others: str
) -> None:
    backend = name.split("/")[0]
    rest = {
        other: state
        for other, state in servers.items()
        if other.split("/")[0] == backend and other not in names
    }
    if not any(state.serves for state in rest.values()):
        raise HaproxyError(
            f"{name} is the last server of {backend} that serves; expected another one that is "
            "healthy and not drained; undrain one first, or drain it all the same with "
            "-e drain_last=true"
        )
    failing = [other for other, state in rest.items() if not state.serves]
    if others == "all" and failing:
        raise HaproxyError(
            f"{', '.join(failing)} gets no traffic, because it fails its check or is drained; "
            f"expected all other servers of {backend} to serve before {name} is drained as well; "
            "repair it, or run: ansible-playbook playbooks/undrain.yml --limit "
            f"{failing[0].split('/')[1]}"
        )
