"""The accounts of services."""

# ansible-test asks for the module's run_command, which this code does not have.
# pylint: disable=ansible-bad-function

from __future__ import annotations

import pwd
import subprocess


class AccountError(Exception):
    """The account cannot be made; the message says why."""


def ensure_account(name: str) -> bool:
    """Create a system account without a login, unless there is one with this name.

    Returns:
        Whether it was created.

    Raises:
        AccountError: With the message of useradd(8).
    """
    try:
        pwd.getpwnam(name)
    except KeyError:
        pass
    else:
        return False
    command = [
        *("useradd", "--system", "--user-group", "--no-create-home"),
        *("--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin", name),
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise AccountError(f"useradd {name} failed: {result.stderr.strip()}")
    return True
