"""Digests of values that only this host can make: whoever has them can guess no value by them.

A digest of a short secret is as good as the secret to whoever can try all short ones. Here each is
keyed by what this machine alone has. So a list of digests may lie with anybody, and the host still
tells whether a value is the one of before, whichever controller asks.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from pathlib import Path

#: A random number of 128 bits, made at the first boot, which every account reads (machine-id(5)).
MACHINE_ID = "etc/machine-id"
#: The private keys of sshd, which only root can read.
HOST_KEYS = ("etc/ssh", "ssh_host_*_key")
#: Hexadecimal digits of a digest.
LENGTH = 16
#: What the digest of the machine itself is of. No variable is called that.
MACHINE = ""


class NoKeyError(Exception):
    """This machine has nothing that only it knows; the message says what to do."""


def machine_key(root: Path = Path("/")) -> bytes:
    """Return the key of this machine.

    Args:
        root: Where its files are.

    Raises:
        NoKeyError: It has neither a machine id nor a key of sshd.
    """
    folder, pattern = HOST_KEYS
    parts = [_content(path) for path in (root / MACHINE_ID, *sorted((root / folder).glob(pattern)))]
    if not any(parts):
        raise NoKeyError(
            "/etc/machine-id is empty, and sshd has no key in /etc/ssh; expected one of them, by "
            "which this host makes digests that nobody else can make; run systemd-machine-id-setup "
            "on the host"
        )
    return hashlib.sha256(b"asgi.fleet.fingerprint\0" + b"\0".join(parts)).digest()


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes().strip()
    except OSError:
        return b""


def digests(values: Mapping[str, str], key: bytes) -> dict[str, str]:
    """Return a digest of each value, and as `MACHINE` that of the key.

    Args:
        values: Texts by name.
        key: From `machine_key`.
    """
    return {
        name: hmac.new(key, f"{name}\0{text}".encode(), hashlib.sha256).hexdigest()[:LENGTH]
        for name, text in {**values, MACHINE: ""}.items()
    }
