"""Removal of an application from a host: what is there, and removing it."""

# No AnsibleModule here, whose run_command ansible-test asks for.
# pylint: disable=ansible-bad-function

from __future__ import annotations

import contextlib
import glob
import os
import pwd
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import (
    SLOTS,
    Application,
)
from ansible_collections.asgi.fleet.plugins.module_utils.application.lock import lock_path
from ansible_collections.asgi.fleet.plugins.module_utils.host import control_group, systemd

#: As `app_name` of the deployment: the name becomes part of paths that root removes.
NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
#: The home of an account that the roles made.
ACCOUNT_HOME = "/nonexistent"
#: A folder belongs to the application if it contains one of these: others may use the name too.
MARKS = {
    "opt": ("releases", "slots", "build.lock"),
    "etc": (*SLOTS, "tls", "README.md"),
    "var/lib": ("live.sock", "state", "activations.jsonl", "activation.lock", "rollout.lock"),
}


class RemovalError(Exception):
    """The application cannot be removed; the message says why and what to do."""


@dataclass(frozen=True)
class Removal:
    """What to remove, in this order.

    Attributes:
        units: Names of the units.
        paths: Files, links and folders.
        account: The account, or empty.
        kept: Sentences about what stays, and why.
    """

    units: tuple[str, ...]
    paths: tuple[str, ...]
    account: str
    kept: tuple[str, ...]

    def __bool__(self) -> bool:
        """Tell whether there is anything to do."""
        return bool(self.units or self.paths or self.account)


def plan(
    application: Application,
    user: str,
    remove_data: bool,
    find_account: Callable[[str], pwd.struct_passwd] = pwd.getpwnam,
) -> Removal:
    """Find what the application has on the host; changes nothing.

    Args:
        application: The application.
        user: The account that runs it.
        remove_data: Whether to remove the application's own data as well.
        find_account: Looks an account up; raises KeyError for none.

    Raises:
        RemovalError: The name is not valid for an application.
    """
    if not NAME.fullmatch(application.name):
        raise RemovalError(
            f"name is {application.name!r}; expected a lower-case letter and then at most 30 of "
            "a-z, 0-9 and -; give the application's name"
        )
    kept: list[str] = []
    units, paths = _units(application)
    for parent, marks in MARKS.items():
        paths += _folder(application, parent, marks, remove_data, kept)
    paths += _existing(
        application.path("run", application.name),
        application.path("var/cache", application.name),
        application.path("var/cache/asgi-fleet", application.name),
    )
    log = application.path("var/log/nginx", f"{application.name}.log")
    paths += _existing(log, *sorted(glob.glob(f"{glob.escape(log)}.*")))
    data = application.path("var/lib", application.name, "state")
    data_stays = os.path.isdir(data) and data not in _below(paths, data)
    account = _account(user, application.name, data_stays, kept, find_account)
    return Removal(tuple(units), tuple(paths), account, tuple(kept))


def remove(application: Application, todo: Removal) -> None:
    """Carry out `todo`, and remove the rollout's lock last.

    Raises:
        Refusal: systemd refused something.
        RemovalError: The account could not be removed.
    """
    systemd.for_units("disable", todo.units)
    # A socket that still listens would start its service again.
    systemd.for_units("stop", todo.units)
    for unit in todo.units:
        control_group.end(unit)
    for path in todo.paths:
        _delete(path)
    if todo.units:
        systemd.systemctl("daemon-reload")
        systemd.systemctl("reset-failed", *todo.units, check=False)
    if todo.account:
        _remove_account(todo.account)
    _delete(lock_path(application))
    folder = os.path.dirname(lock_path(application))
    if os.path.isdir(folder) and not os.listdir(folder):
        os.rmdir(folder)


def _units(application: Application) -> tuple[list[str], list[str]]:
    """Return the slots' units that have a file, and those files with their drop-ins."""
    units, paths = [], []
    for slot in map(application.slot, SLOTS):
        for unit, kind in zip(slot.units, ("socket", "service"), strict=True):
            found = _existing(slot.files[kind], f"{slot.files[kind]}.d")
            if slot.files[kind] in found:
                units.append(unit)
            paths += found
    return units, paths


def _folder(
    application: Application,
    parent: str,
    marks: tuple[str, ...],
    remove_data: bool,
    kept: list[str],
) -> list[str]:
    """Return what to remove of the application's folder below `parent`."""
    folder = application.path(parent, application.name)
    if not os.path.isdir(folder):
        return []
    names = sorted(os.listdir(folder))
    # Held by the removal itself.
    lock = os.path.basename(lock_path(application)) if parent == "var/lib" else ""
    if not set(names) - {lock}:
        return []
    if not set(names) & set(marks):
        kept.append(f"{folder}: none of what is in it was made by asgi.fleet")
        return []
    if parent != "var/lib":
        return [folder]
    data = os.path.join(folder, "state")
    stays = not remove_data and os.path.isdir(data) and bool(os.listdir(data))
    if stays:
        kept.append(f"{data}: the application's own data; -e remove_data=true removes it as well")
    gone = [name for name in names if name != lock and not (stays and name == "state")]
    return [os.path.join(folder, name) for name in gone]


def _account(
    user: str,
    name: str,
    data_stays: bool,
    kept: list[str],
    find_account: Callable[[str], pwd.struct_passwd],
) -> str:
    """Return the account if it can go: the roles made it, and it owns nothing that stays."""
    try:
        account = find_account(user)
    except KeyError:
        return ""
    if user != name or account.pw_dir != ACCOUNT_HOME or account.pw_uid == 0:
        kept.append(f"the account {user}: it was not made for {name}")
        return ""
    if data_stays:
        # The next account would get its number, and with it the data.
        kept.append(f"the account {user}: the data is its own")
        return ""
    return user


def _remove_account(user: str) -> None:
    # What outlived its service, such as a program that the application had started.
    for process in _processes_of(pwd.getpwnam(user).pw_uid):
        # It may have ended by itself since.
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    result = subprocess.run(["userdel", user], capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise RemovalError(
            f"userdel {user} failed: {result.stderr.strip()}; everything else is removed; "
            "see what holds the account, and run again"
        )


def _processes_of(uid: int) -> Iterator[int]:
    """Yield the ids of an account's processes, each as soon as it is found: ids are reused."""
    for entry in os.listdir("/proc"):
        if entry.isdigit() and _owner(f"/proc/{entry}") == uid:
            yield int(entry)


def _owner(path: str) -> int | None:
    try:
        return os.stat(path).st_uid
    except FileNotFoundError:
        return None


def _existing(*paths: str) -> list[str]:
    return [path for path in paths if os.path.lexists(path)]


def _below(paths: list[str], path: str) -> list[str]:
    return [path for parent in paths if path == parent or path.startswith(f"{parent}/")]


def _delete(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)
