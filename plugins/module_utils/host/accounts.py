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


def account_problem(name: str, application: str, *, borrowed: bool = False) -> tuple[str, str]:
    """Return why an application cannot have the account `name`, and the command that marks it.

    Args:
        name: The account, which may be missing.
        application: The application.
        borrowed: An account that the operator names, which may be anybody's but root's.

    Returns:
        The reason, empty when it can have it; and the command for an account of an earlier version
        of this product, which had no marks; empty where that cannot be.
    """
    account = find_account(name)
    if account is None:
        if _has_group(name):
            told = "without an account of its name; if nothing uses it: groupdel"
            return f"the group {name} exists {told} {name}", ""
        return "", ""
    if account.pw_uid == 0:
        return f"the account {name} is root's; an application needs an account of its own", ""
    if borrowed or is_marked(account, application):
        return "", ""
    problem = (
        f"the account {name} exists (uid {account.pw_uid}, {account.pw_gecos or 'no comment'}, "
        f"home {account.pw_dir}) and asgi.fleet did not make it for {application}"
    )
    return problem, f"usermod --comment '{mark(application)}' {name}"


def ensure_account(name: str, application: str, *, borrowed: bool = False) -> bool:
    """Create a system account without a login for an application, unless it is there.

    An account that exists is never changed.

    Args:
        name: The account.
        application: The application that it is for: the mark.
        borrowed: As for `account_problem`.

    Returns:
        Whether it was created.

    Raises:
        AccountError: It is another's; or with the message of useradd(8).
    """
    problem, marking = account_problem(name, application, borrowed=borrowed)
    if problem:
        way_out = "choose another name"
        if marking:
            way_out += f"; or, if an earlier version of asgi.fleet made it: {marking}"
        raise AccountError(f"{problem}; {way_out}")
    if find_account(name) is not None:
        return False
    command = [
        *("useradd", "--system", "--user-group", "--no-create-home"),
        *("--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin"),
        *("--comment", mark(application), name),
    ]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise AccountError(
            "this host has no useradd; expected the package passwd, which every server but a "
            "trimmed image has; run `apt-get install passwd` on the host as root, then the same "
            "command again"
        ) from None
    if result.returncode != 0:
        raise AccountError(f"useradd {name} failed: {result.stderr.strip()}")
    return True


def _has_group(name: str) -> bool:
    try:
        grp.getgrnam(name)
    except KeyError:
        return False
    return True
