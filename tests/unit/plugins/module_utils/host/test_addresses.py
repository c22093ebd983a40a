"""A kernel without IPv6 is seen."""

import errno
import socket

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.host.addresses import has_ipv6


def test_host_with_ipv6_is_seen() -> None:
    assert has_ipv6() == socket.has_ipv6


def test_kernel_without_ipv6_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(family: int, _kind: int) -> socket.socket:
        assert family == socket.AF_INET6
        raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")

    monkeypatch.setattr(socket, "socket", refused)
    assert not has_ipv6()
