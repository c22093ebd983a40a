"""Whose is it? What the product makes for an application carries a mark; the rest is not touched.

A folder has the file `.asgi.fleet` with the application's name, or belongs to its account; an
account has a comment (`host/accounts`); a unit and nginx's site have a line at their top. `claim`
refuses what exists without its mark, all of it by name, before anything is made.
"""

from __future__ import annotations

import glob
import os
import re
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import (
    Application,
    build_account,
)
from ansible_collections.asgi.fleet.plugins.module_utils.application.packaged import (
    owner_of_folder,
    owner_of_name,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host.accounts import (
    account_problem,
    find_account,
    is_marked,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host.files import write_file
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.names import OWN_NAMES

MARK = ".asgi.fleet"
#: The folders of an application are named after it below these.
PARENTS = ("opt", "etc", "var/lib", "var/cache")
#: The same for its backups; claimed with the first one, since others make backups as well.
BACKUPS = "var/backups"
#: Where systemd looks for units besides /run, which is empty after a boot.
UNIT_FOLDERS = (
    *("etc/systemd/system", "usr/local/lib/systemd/system"),
    *("usr/lib/systemd/system", "lib/systemd/system"),
)
#: Whose header the files of a host have; nginx's sites once named only the role.
_WRITER = re.compile(r"Written by (asgi\.fleet|the role nginx_site)\b")
#: Bytes of a file in which its header, or the name in a mark, must be.
_TOP = 400


class ForeignError(Exception):
    """Something of that name is not the application's; the message names it, and what to do."""


def claim(
    application: Application,
    user: str = "",
    *,
    check_mode: bool = False,
    parents: Iterable[str] = (),
) -> list[str]:
    """Refuse what exists without the application's mark; then make its folders, with their marks.

    Args:
        application: The application.
        user: The account that runs it, if that is not the application's own.
        check_mode: Make nothing.
        parents: Below which of `PARENTS` to make a folder.

    Returns:
        The folders that were, or would be, made.

    Raises:
        ForeignError: With everything that is another's.
    """
    problems, commands = _foreign(application, user)
    if problems:
        way_out = "choose another app_name"
        if commands and _deployed_before(application):
            way_out += (
                "; or, if this is a deployment of an earlier version of asgi.fleet, mark it: "
                + "; ".join(commands)
            )
        raise ForeignError(
            f"{application.name} is taken on this host, and nothing was changed: "
            f"{'; '.join(problems)}; {way_out}"
        )
    wanted = [folder_of(application, parent) for parent in parents]
    missing = [path for path in wanted if not is_ours(path, application, user)]
    if not check_mode:
        for path in missing:
            _make(path, application)
    return missing


def claim_backups(application: Application, user: str = "") -> str:
    """Make the folder of an application's backups, and return it.

    Args:
        application: The application.
        user: The account that runs it, if that is not the application's own.

    Raises:
        ForeignError: It exists without the application's mark.
    """
    path = folder_of(application, BACKUPS)
    if is_ours(path, application, user):
        return path
    if os.path.lexists(path) and not _adoptable(path, application):
        raise ForeignError(
            f"{path} exists and has no mark of asgi.fleet; expected no such folder, since backups "
            f"are kept and removed there; rename it, or give it to {application.name}: echo "
            f"{application.name} > {path}/{MARK}"
        )
    _make(path, application)
    return path


def folder_of(application: Application, parent: str) -> str:
    """Return the application's folder below one of `PARENTS`."""
    return application.path(parent, application.name)


def build_cache(application: Application) -> str:
    """Return the folder of what builds keep, which belongs to the account of builds."""
    return application.path("var/cache", build_account(application.name))


def folders(application: Application) -> list[str]:
    """Return the folders that an application may have."""
    return [folder_of(application, parent) for parent in PARENTS] + [build_cache(application)]


def is_ours(path: str, application: Application, user: str = "") -> bool:
    """Return whether a folder carries the application's mark or belongs to its account.

    A cache belongs to the account that uses it, which could remove a mark there. If the operator
    has named that account, it may have folders of that name itself: then the state folder's counts.
    """
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return False
    if not stat.S_ISDIR(found.st_mode):
        return False
    if found.st_uid in _accounts(application):
        return True
    cache = path == folder_of(application, "var/cache")
    # In the cache the mark stays true when the operator names another account.
    if (found.st_uid == os.geteuid() or cache) and _has_mark(path, application):
        return True
    borrowed = find_account(user) if cache and user else None
    return (
        borrowed is not None
        and borrowed.pw_uid == found.st_uid != 0
        and is_ours(folder_of(application, "var/lib"), application)
    )


def is_ours_by_header(path: str, application: Application) -> bool:
    """Return whether the top of a unit or a site says that it was written for the application."""
    named = re.search(rf"(?<![\w-]){re.escape(application.name)}(?![\w-])", _top(path))
    return bool(named and _WRITER.search(_top(path)))


def units(application: Application) -> Iterator[str]:
    """Yield the files of the host's units whose names are those of the application's slots."""
    seen = set()
    for folder in UNIT_FOLDERS:
        for kind in ("service", "socket"):
            pattern = glob.escape(application.path(folder, f"{application.name}@")) + f"*.{kind}"
            for path in sorted(glob.glob(pattern)):
                # /lib is a link to /usr/lib.
                if os.path.realpath(path) not in seen:
                    seen.add(os.path.realpath(path))
                    yield path


def site(application: Application) -> str:
    """Return nginx's site of the application."""
    return application.path("etc/nginx/conf.d", f"{application.name}.conf")


def access_log(application: Application) -> str:
    """Return the log of that site."""
    return application.path("var/log/nginx", f"{application.name}.log")


def runtime_folder(application: Application) -> str:
    """Return the folder of the sockets, which systemd makes for the application's units."""
    return application.path("run", application.name)


def _foreign(application: Application, user: str) -> tuple[list[str], list[str]]:
    """Return what exists and is not the application's, and the commands that would mark it."""
    problems: list[str] = []
    commands: list[str] = []
    if application.name in OWN_NAMES:
        problems.append("asgi.fleet uses that name itself")
    elif not is_ours(folder_of(application, "var/lib"), application, user):
        # What was deployed under it before stays as it is.
        problems += owner_of_name(application)
    for account in (user or application.name, build_account(application.name)):
        borrowed = account == user != application.name
        problem, command = account_problem(account, application.name, borrowed=borrowed)
        problems += filter(None, [problem])
        commands += filter(None, [command])
    for path in folders(application):
        if os.path.lexists(path) and not (
            is_ours(path, application, user) or _adoptable(path, application)
        ):
            marked_for = _top(os.path.join(path, MARK)).strip() if os.path.isdir(path) else ""
            whose = f"is {marked_for}'s" if marked_for else "has no mark of asgi.fleet"
            package = owner_of_folder(path, application)
            whose += f" (it is the package {package}'s)" if package else ""
            problems.append(f"{path} exists and {whose}")
            if os.path.isdir(path) and not marked_for and not package:
                commands.append(f"echo {application.name} > {path}/{MARK}")
    written = [*units(application), *filter(os.path.lexists, [site(application)])]
    foreign = [path for path in written if not is_ours_by_header(path, application)]
    problems += [f"{path} exists and was not written by asgi.fleet" for path in foreign]
    # Neither can carry a mark: they are the application's if what makes them is.
    known = os.path.lexists(folder_of(application, "var/lib")) or set(written) - set(foreign)
    if not known:
        others = filter(os.path.lexists, [runtime_folder(application), access_log(application)])
        problems += [f"{path} exists and asgi.fleet has not made it" for path in others]
    return problems, commands


def _deployed_before(application: Application) -> bool:
    """Return whether it looks as if a version without marks had deployed the application here."""
    state = folder_of(application, "var/lib")
    return (
        any(is_ours_by_header(path, application) for path in units(application))
        or os.path.islink(application.live_link)
        or os.path.isfile(application.activations)
        # What a removal leaves.
        or (os.path.isdir(state) and os.listdir(state) == ["state"])
    )


def _has_mark(path: str, application: Application) -> bool:
    return _top(os.path.join(path, MARK)).strip() == application.name


def _accounts(application: Application) -> set[int]:
    """Return the numbers of the accounts that were made for an application."""
    found = {find_account(name) for name in (application.name, build_account(application.name))}
    return {one.pw_uid for one in found if one and is_marked(one, application.name)}


def _adoptable(path: str, application: Application) -> bool:
    """Return whether a folder is empty and root's: one that a killed run had no time to mark."""
    found = os.lstat(path)
    return (
        stat.S_ISDIR(found.st_mode)
        and found.st_uid == os.geteuid()
        and not found.st_mode & 0o022
        and not os.listdir(path)
        # Such as /var/lib/misc, which is empty as well.
        and not owner_of_folder(path, application)
    )


def _make(path: str, application: Application) -> None:
    if not os.path.isdir(path):
        os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
        os.mkdir(path)
        # Whatever the umask of the session is.
        Path(path).chmod(0o755)
    write_file(os.path.join(path, MARK), f"{application.name}\n", 0o644)


def _top(path: str) -> str:
    """Return the beginning of a file; nothing for a link, a device or a missing file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return ""
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return ""
        return file.read(_TOP).decode(errors="replace")
