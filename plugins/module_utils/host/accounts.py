"""The accounts of applications: made with a mark, and never changed without it."""

# ansible-test asks for the module's run_command, which this code does not have.
# pylint: disable=ansible-bad-function

from __future__ import annotations

import grp
import pwd
import subprocess


class AccountError(Exception):
    """The account cannot be made or used; the message says why."""


def mark(application: str) -> str:
    """Return the comment (GECOS) of the accounts that were made for an application."""
    return f"asgi.fleet {application}"


def is_marked(account: pwd.struct_passwd, application: str) -> bool:
    """Return whether an account was made for an application."""
    # The first field of GECOS; an account may add the others itself, with chfn(1).
    return account.pw_gecos.split(",")[0] == mark(application)


def find_account(name: str) -> pwd.struct_passwd | None:
    """Return an account of the host, or None."""
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def account_refusal(name: str, application: str, *, borrowed: bool = False) -> str:
    """Return why an application cannot have the account `name`; empty when it can.

    Args:
        name: The account, which may be missing.
        application: The application.
        borrowed: An account that the operator names, which may be anybody's but root's.
    """
    account = find_account(name)
    if account is None:
        if _has_group(name):
            return (
                f"the group {name} exists without an account of its name, and asgi.fleet makes "
                f"both; choose another name; if nothing uses the group: groupdel {name}"
            )
        return ""
    if account.pw_uid == 0:
        return f"the account {name} is root; an application needs an account of its own"
    if borrowed or is_marked(account, application):
        return ""
    return (
        f"the account {name} exists (uid {account.pw_uid}, {account.pw_gecos or 'no comment'}, "
        f"home {account.pw_dir}), and was not made for {application} by asgi.fleet, which does not "
        "touch it; choose another name; if an earlier version of asgi.fleet made it: "
        f"usermod --comment '{mark(application)}' {name}"
    )


def ensure_account(name: str, application: str, *, borrowed: bool = False) -> bool:
    """Create a system account without a login for an application, unless it is there.

    An account that exists is never changed.

    Args:
        name: The account.
        application: The application that it is for: the mark.
        borrowed: As for `account_refusal`.

    Returns:
        Whether it was created.

    Raises:
        AccountError: It is another's; or with the message of useradd(8).
    """
    refusal = account_refusal(name, application, borrowed=borrowed)
    if refusal:
        raise AccountError(refusal)
    if find_account(name) is not None:
        return False
    command = [
        *("useradd", "--system", "--user-group", "--no-create-home"),
        *("--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin"),
        *("--comment", mark(application), name),
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise AccountError(f"useradd {name} failed: {result.stderr.strip()}")
    return True


def _has_group(name: str) -> bool:
    try:
        grp.getgrnam(name)
    except KeyError:
        return False
    return True
