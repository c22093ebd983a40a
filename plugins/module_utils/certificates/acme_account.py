"""The account of the ACME client on a host, and the key by which a directory knows it.

The key is root's, in a folder of root's, and the client may read it: what an account could
replace, root must not write to.
"""

# ansible-test asks for the module's run_command, which this code does not have.
# pylint: disable=ansible-bad-function

from __future__ import annotations

import base64
import grp
import hashlib
import json
import os
import subprocess
from dataclasses import dataclass

from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import (
    acme_account,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host.accounts import (
    ensure_account,
    find_account,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host.files import read_text, write_file
from ansible_collections.asgi.fleet.plugins.module_utils.host.locking import locked

#: Seconds to wait for the other hosts of a fleet, which ask for the same key.
PATIENCE = 120
#: What openssl writes of a public key on the curve P-256 ends with its point, uncompressed.
POINT_BYTES = 65


class AccountKeyError(Exception):
    """The account's key cannot be used; the message says why."""


@dataclass(frozen=True)
class Account:
    """The account of one certificate.

    Attributes:
        name: Of the certificate.
        directory: The folder of its pairs.
        state: The folder of the client.
    """

    name: str
    directory: str
    state: str

    @property
    def user(self) -> str:
        """The account on the host."""
        return acme_account(self.name)

    @property
    def key_path(self) -> str:
        """The file of the key."""
        return os.path.join(self.directory, "acme-account.pem")

    @property
    def is_obtained(self) -> bool:
        """Whether a pair that came by ACME is in use."""
        link = os.path.join(self.directory, "current")
        return (
            os.path.islink(link)
            and os.readlink(link).startswith("acme-")
            and os.path.isfile(os.path.join(link, "privkey.pem"))
        )


def ensure(account: Account, key: str, *, check_mode: bool = False) -> tuple[list[str], str]:
    """Make the account, its folders and its key where they are missing.

    Args:
        account: What is wanted.
        key: The key that it must have, as PEM text; empty to keep its own, or make one.
        check_mode: Change nothing.

    Returns:
        What was made, and the key; an empty key in check mode where there is none yet.

    Raises:
        AccountError: The name belongs to somebody else.
        AccountKeyError: The key cannot be made or read.
    """
    made = [] if find_account(account.user) else [f"the account {account.user}"]
    made += [path for path in (account.directory, account.state) if not os.path.isdir(path)]
    there = read_text(account.key_path)
    wanted = key or there
    if not wanted or wanted != there:
        made.append(account.key_path)
    if check_mode or not made:
        return made, wanted
    busy = AccountKeyError(f"another run works on the ACME account of {account.name}; run again")
    with locked(f"{account.name}.acme", PATIENCE, busy):
        return made, _make(account, key or read_text(account.key_path))


def _make(account: Account, wanted: str) -> str:
    """Make what is missing, while no other run of a fleet does, and return the key."""
    ensure_account(account.user, account.name)
    owner = find_account(account.user)
    if owner is None:
        raise AccountKeyError(f"the account {account.user} cannot be found after it was made")
    os.makedirs(account.directory, mode=0o755, exist_ok=True)
    if not os.path.isdir(account.state):
        os.makedirs(os.path.dirname(account.state), mode=0o755, exist_ok=True)
        os.mkdir(account.state, 0o700)
        os.chown(account.state, owner.pw_uid, owner.pw_gid)
    wanted = (
        wanted
        or _openssl(["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]).decode()
    )
    thumbprint(wanted)
    if read_text(account.key_path) != wanted:
        write_file(account.key_path, wanted, 0o600)
        os.chown(account.key_path, 0, grp.getgrnam(account.user).gr_gid)
        os.chmod(account.key_path, 0o640)
    return wanted


def thumbprint(key: str) -> str:
    """Return the thumbprint of a key on P-256 (RFC 7638): what answers a challenge of http-01.

    Raises:
        AccountKeyError: It is no such key.
    """
    public = _openssl(["pkey", "-pubout", "-outform", "DER", "-passin", "pass:"], key)
    point = public[-POINT_BYTES:]
    if len(point) != POINT_BYTES or point[0] != 4:
        raise AccountKeyError(
            "the key of the ACME account cannot be read; expected a private key on the curve P-256 "
            "as PEM text; remove acme-account.pem, and another is made"
        )
    told = {"crv": "P-256", "kty": "EC", "x": _base64url(point[1:33]), "y": _base64url(point[33:])}
    canonical = json.dumps(told, sort_keys=True, separators=(",", ":"))
    return _base64url(hashlib.sha256(canonical.encode()).digest())


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _openssl(arguments: list[str], given: str = "") -> bytes:
    try:
        done = subprocess.run(
            ["openssl", *arguments], input=given.encode(), capture_output=True, check=False
        )
    except FileNotFoundError:
        raise AccountKeyError(
            "openssl is not installed; expected it with ca-certificates"
        ) from None
    return done.stdout
