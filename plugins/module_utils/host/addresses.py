"""Which families of addresses a host has."""

from __future__ import annotations

import socket


def has_ipv6() -> bool:
    """Return whether the kernel has IPv6: with `ipv6.disable=1` nothing can listen on `[::]`."""
    try:
        socket.socket(socket.AF_INET6, socket.SOCK_STREAM).close()
    except OSError:
        return False
    return True
