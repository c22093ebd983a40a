#!/usr/bin/python3
"""Gives the servers of a site their full weight again; a timer runs it after a canary's time.

    full_weights.py SITE

A rollout does that itself. This is for one that was interrupted, or whose controller is gone.
"""

from __future__ import annotations

import socket
import sys

SOCKET = "/run/haproxy/admin.sock"
#: Columns of `show servers state`, version 1.
BACKEND, SERVER, ADMIN, WEIGHT, FULL_WEIGHT = 1, 3, 6, 7, 8
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


def lowered(state: str, site: str) -> list[str]:
    """Return the servers that have less than their full weight and are not drained."""
    found = []
    for line in state.splitlines():
        fields = line.split()
        if line.startswith("#") or len(fields) <= FULL_WEIGHT or fields[BACKEND] != site:
            continue
        drained = int(fields[ADMIN]) & DRAINED
        if not drained and int(fields[WEIGHT]) < int(fields[FULL_WEIGHT]):
            found.append(f"{site}/{fields[SERVER]}")
    return found


def main(site: str) -> int:
    """Restore the weights; return 1 when HAProxy does not do it."""
    failed = False
    for server in lowered(ask("show servers state"), site):
        answer = ask(f"set server {server} weight 100%").strip()
        failed = failed or bool(answer)
        print(f"{server}: {answer or 'it gets its full share of the requests again'}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
