#!/usr/bin/python3
"""Saves the state of HAProxy's servers for its next process; runs before each reload and stop.

    save_servers.py [stop]

HAProxy reads back more than it should: the port of a server in the saved state wins over the
configuration's (haproxy issues 1412 and 3296). So this program writes the ports of the next
configuration, and leaves out servers that it no longer has. The lower weight of a canary is kept
over a reload, but not over a stop, after which nothing may be there that would end it.
"""

from __future__ import annotations

import os
import re
import socket
import sys

CONFIGURATION = "/etc/haproxy/haproxy.cfg"
SOCKET = "/run/haproxy/admin.sock"
STATE = "/var/lib/haproxy_balancer/servers"
#: Columns of `show servers state`, version 1.
BACKEND, SERVER, ADMIN, WEIGHT, FULL_WEIGHT, PORT = 1, 3, 6, 7, 8, 18
DRAINED = 0x08


def ask(command: str) -> str:
    """Return HAProxy's answer on its runtime socket."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(5)
        connection.connect(SOCKET)
        connection.sendall(f"{command}\n".encode())
        parts = []
        while part := connection.recv(65536):
            parts.append(part)
    return b"".join(parts).decode()


def configured_ports(configuration: str) -> dict[tuple[str, str], str]:
    """Return the port of each server by backend and server, as the configuration says."""
    ports: dict[tuple[str, str], str] = {}
    backend = ""
    for line in configuration.splitlines():
        words = line.split()
        if words and not line[0].isspace():
            backend = words[1] if words[0] in ("backend", "listen") and len(words) > 1 else ""
        elif backend and words[:1] == ["server"] and len(words) > 2:
            found = re.search(r":(\d+)$", words[2])
            ports[backend, words[1]] = found.group(1) if found else "0"
    return ports


def for_next_process(state: str, ports: dict[tuple[str, str], str], *, stops: bool = False) -> str:
    """Return the saved state with the configuration's ports and servers."""
    lines = []
    for line in state.splitlines():
        fields = line.split()
        if line.startswith("#") or len(fields) <= PORT:
            lines.append(line)
            continue
        key = (fields[BACKEND], fields[SERVER])
        if key in ports:
            fields[PORT] = ports[key]
            if stops and not int(fields[ADMIN]) & DRAINED:
                fields[WEIGHT] = fields[FULL_WEIGHT]
            lines.append(" ".join(fields))
    return "\n".join(lines).strip() + "\n"


def main(arguments: list[str]) -> int:
    """Save the state; return 1 and keep the previous state when HAProxy does not answer."""
    try:
        state = ask("show servers state")
        with open(CONFIGURATION, encoding="utf-8") as file:
            ports = configured_ports(file.read())
    except OSError as error:
        print(f"the state of the servers was not saved: {error}", file=sys.stderr)
        return 1
    temporary = f"{STATE}.new"
    with open(temporary, "w", encoding="utf-8") as file:
        file.write(for_next_process(state, ports, stops="stop" in arguments))
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, STATE)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
