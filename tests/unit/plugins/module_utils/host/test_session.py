"""The SSH session of a process, from a tree like procfs."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.host.session import Session, session_of


def process(proc: Path, pid: int, parent: int, environment: bytes) -> None:
    (proc / str(pid)).mkdir()
    (proc / str(pid) / "environ").write_bytes(environment)
    (proc / str(pid) / "status").write_text(f"Name:\tx\nPPid:\t{parent}\n")


def test_the_session_of_a_parent_is_found_behind_sudo(tmp_path: Path) -> None:
    process(tmp_path, 30, 20, b"SUDO_USER=ada\0")
    process(tmp_path, 20, 10, b"HOME=/home/ada\0SSH_CONNECTION=192.0.2.1 5000 192.0.2.2 2200\0")
    process(tmp_path, 10, 1, b"SSH_CONNECTION=192.0.2.1 5000 192.0.2.2 22\0")
    assert session_of(30, tmp_path) == Session("192.0.2.1", 5000, "192.0.2.2", 2200)


def test_no_session_is_none(tmp_path: Path) -> None:
    process(tmp_path, 30, 20, b"SSH_CONNECTION=\0")
    process(tmp_path, 20, 1, b"")
    assert session_of(30, tmp_path) is None
    # A parent that is gone, or hidden.
    assert session_of(99, tmp_path) is None


@pytest.mark.parametrize(
    ("server", "six"), [("2001:db8::2", True), ("192.0.2.2", False), ("::ffff:192.0.2.2", False)]
)
def test_family_of_a_session(server: str, *, six: bool) -> None:
    assert Session("x", 1, server, 22).is_ipv6 is six
