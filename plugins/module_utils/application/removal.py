"""Removal of an application from a host: what is there, and removing it.

Only what is named here, in folders and files that carry the application's mark. Anything else
stays, and is reported.
"""

# No AnsibleModule here, whose run_command ansible-test asks for.
# pylint: disable=ansible-bad-function

from __future__ import annotations

import contextlib
import glob
import os
import pwd
import re
import signal
import subprocess
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from ansible_collections.asgi.fleet.plugins.module_utils.application import processes, provenance
from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import (
    SLOTS,
    Application,
    acme_account,
    build_account,
    metrics_account,
)
from ansible_collections.asgi.fleet.plugins.module_utils.application.lock import lock_path
from ansible_collections.asgi.fleet.plugins.module_utils.host import control_group, systemd
from ansible_collections.asgi.fleet.plugins.module_utils.host.accounts import (
    find_account,
    is_marked,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host.files import remove_tree
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.names import OWN_NAMES
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.world import PROCESSES

#: As `app_name` of the deployment: the name becomes part of paths that root removes.
NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
#: The slots, and that of a measurement, which a host that lost its power may still have.
EVERY_SLOT = (*SLOTS, "tune")
#: What asgi.fleet makes in the folders of an application, besides the mark and the rollout's lock.
ENTRIES = {
    "opt": ("releases", "slots", "static", "build.lock", "recycle.pyz"),
    "etc": (
        *EVERY_SLOT,
        "tls",
        "README.md",
        "metrics.json",
        "recycle.json",
        "backup.json",
    ),
    "var/lib": (
        *("live.sock", "live.sock.new", "state", "activations.jsonl", "rollouts.jsonl", "rollouts"),
        *("maintenance", "maintenance_page", "activation.lock", "hook.lock", "acme"),
        *("commands.jsonl", "backup.json", "backup.pyz"),
        "tune",
        "recycle.json",
        *("singletons", "left"),
        "drill.json",
    ),
    "run": (
        *(*EVERY_SLOT, *(f"{slot}.sock" for slot in EVERY_SLOT)),
        *("import", "hook", "activation", "backup"),
        "metrics",
        PROCESSES,
    ),
}
#: The unit of a command that an operator runs, what keeps it, its folder below /run/<name>; and the
#: unit of a backup.
COMMAND_UNIT = r"asgi-fleet-{name}-(?:run-[0-9a-f]{{8}}(?:-keeper)?|backup)\.service"
#: What runs beside the slots and has a folder below /run/<name>: commands, and timers.
COMMAND_FOLDER = re.compile(r"run-[0-9a-f]{8}|timer-[a-z0-9-]+")
#: Where systemd keeps the files of transient units.
TRANSIENT = "run/systemd/transient"
#: The link that HAProxy finds a site's key by.
BALANCER_KEY = "fullchain.pem.key"
#: Held by the removal itself.
LOCK = "rollout.lock"


class RemovalError(Exception):
    """The application cannot be removed; the message says why and what to do."""


@dataclass
class Removal:
    """What to remove, in this order.

    Attributes:
        commands: Units of commands that an operator runs just now.
        units: Names of the units.
        paths: Files, links and folders.
        folders: Folders in which nothing but their mark is left then.
        accounts: The accounts.
        kept: Sentences about what stays, and why.
    """

    commands: list[str] = field(default_factory=list)
    units: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    accounts: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        """Tell whether there is anything to do."""
        return bool(self.commands or self.units or self.paths or self.folders or self.accounts)


def plan(application: Application, user: str, remove_data: bool) -> Removal:
    """Find what the application has on the host; changes nothing.

    Args:
        application: The application.
        user: The account that runs it; empty for the application's own.
        remove_data: Whether to remove the application's own data as well.

    Raises:
        RemovalError: The name is not valid for an application.
    """
    _refuse_other_names(application)
    todo = Removal()
    _plan_commands(application, todo)
    _plan_units(application, todo)
    ours = {
        path
        for path in provenance.folders(application)
        if _is_ours_or_empty(path, application, user, todo)
    }
    for parent in ("opt", "etc"):
        folder = provenance.folder_of(application, parent)
        if folder in ours and _plan_entries(folder, ENTRIES[parent], todo):
            todo.folders.append(folder)
    state = provenance.folder_of(application, "var/lib")
    data = os.path.join(state, "state")
    data_stays = not remove_data and os.path.isdir(data) and bool(os.listdir(data))
    if state in ours:
        if data_stays:
            todo.kept.append(
                f"{data}: the application's own data; -e remove_data=true removes it as well"
            )
        _plan_entries(state, ENTRIES["var/lib"], todo, stays="state" if data_stays else "")
        _plan_unmarked(application, todo)
    backups = provenance.folder_of(application, provenance.BACKUPS)
    has_backups = _is_ours_or_empty(backups, application, user, todo)
    backups_stay = has_backups and not remove_data and bool(_inside(backups))
    if backups_stay:
        todo.kept.append(f"{backups}: its backups; -e remove_data=true removes them as well")
    elif has_backups:
        todo.paths.append(backups)
    for cache in (
        provenance.folder_of(application, "var/cache"),
        provenance.build_cache(application),
    ):
        # All that is in it is the application's.
        todo.paths += [cache] if cache in ours else []
    _plan_account(user or application.name, application.name, data_stays or backups_stay, todo)
    for of_name in (build_account, acme_account, metrics_account):
        account = of_name(application.name)
        _plan_account(account, application.name, False, todo)
    return todo


def plan_certificate(application: Application) -> Removal:
    """Find what a balancer has for a site's certificate; changes nothing.

    A balancer has no application, so its folders carry no mark. A pair is ours by its links.

    Raises:
        RemovalError: The name is not valid for an application.
    """
    _refuse_other_names(application)
    todo = Removal()
    _plan_renewal(application, todo)
    pairs = application.path("etc", application.name, "tls")
    state = application.path("var/lib", application.name, "acme")
    link = os.path.join(pairs, BALANCER_KEY)
    if os.path.islink(link) and os.path.basename(os.path.dirname(os.readlink(link))) == "current":
        todo.paths.append(pairs)
    account = find_account(acme_account(application.name))
    if account and _owner(state) == account.pw_uid:
        todo.paths.append(state)
    todo.folders += [os.path.dirname(path) for path in (pairs, state) if path in todo.paths]
    _plan_account(acme_account(application.name), application.name, False, todo)
    return todo


def remove(application: Application, todo: Removal) -> None:
    """Carry out `todo`, and remove the rollout's lock last.

    Raises:
        Refusal: systemd refused something.
        RemovalError: An account could not be removed.
    """
    if todo.commands:
        # One may have ended since.
        systemd.systemctl("stop", *todo.commands, check=False)
        # systemd remembers a command that was stopped as failed.
        systemd.systemctl("reset-failed", *todo.commands, check=False)
    systemd.for_units("disable", todo.units)
    # A socket that still listens would start its service again.
    systemd.for_units("stop", todo.units)
    for unit in todo.units:
        control_group.end(unit)
    for path in todo.paths:
        _delete(path)
    for folder in todo.folders:
        _delete_emptied(folder)
    if todo.units:
        systemd.systemctl("daemon-reload")
        systemd.systemctl("reset-failed", *todo.units, check=False)
    for account in todo.accounts:
        _remove_account(account)
    state = provenance.folder_of(application, "var/lib")
    if provenance.is_ours(state, application):
        _delete(lock_path(application))
        _delete_emptied(state)


def _refuse_other_names(application: Application) -> None:
    if not NAME.fullmatch(application.name) or application.name in OWN_NAMES:
        raise RemovalError(
            f"name is {application.name!r}; expected a lower-case letter and then at most 30 of "
            "a-z, 0-9 and -, and no name of asgi.fleet's own; give the application's name"
        )


def _plan_commands(application: Application, todo: Removal) -> None:
    """Add the transient units of commands, those of the commands before what keeps them."""
    pattern = re.compile(COMMAND_UNIT.format(name=re.escape(application.name)))
    with contextlib.suppress(FileNotFoundError):
        found = os.listdir(application.path(TRANSIENT))
        todo.commands += sorted(filter(pattern.fullmatch, found), key=len)


def _plan_units(application: Application, todo: Removal) -> None:
    """Add the slots' units that have a file of ours, with these files, and those beside them."""
    _plan_renewal(application, todo)
    _plan_timers(application, todo)
    _plan_timed(application, f"{application.name}-backup", todo)
    # A socket or a timer first, which would start its service again.
    metrics = [f"{application.name}-metrics.{kind}" for kind in ("socket", "service")]
    files = {unit: application.path("etc/systemd/system", unit) for unit in metrics}
    recycling = [application.recycling[kind] for kind in ("timer", "service")]
    files.update({os.path.basename(path): path for path in recycling})
    _plan_unit_files(application, files, todo)
    for slot in map(application.slot, SLOTS):
        paths = (slot.files["socket"], slot.files["service"])
        _plan_unit_files(application, dict(zip(slot.units, paths, strict=True)), todo)
        others = {unit: processes.unit_path(slot, unit) for unit in processes.existing(slot)}
        _plan_unit_files(application, others, todo)


def _plan_timers(application: Application, todo: Removal) -> None:
    """Add the units of timers, the timer before what it starts, and when each has elapsed last."""
    beginning = f"{application.name}@timer-"
    folder = application.path("etc/systemd/system")
    for kind in ("timer", "service"):
        found = sorted(glob.glob(f"{glob.escape(os.path.join(folder, beginning))}*.{kind}"))
        _plan_unit_files(application, {os.path.basename(path): path for path in found}, todo)
    stamps = application.path("var/lib/systemd/timers", f"stamp-{beginning}")
    todo.paths += sorted(glob.glob(f"{glob.escape(stamps)}*.timer"))


def _plan_renewal(application: Application, todo: Removal) -> None:
    """Add what renews the certificate."""
    _plan_timed(application, f"{application.name}-certificate", todo)


def _plan_timed(application: Application, name: str, todo: Removal) -> None:
    """Add a timer and its service, in this order: it would start its service again."""
    files = {
        unit: application.path("etc/systemd/system", unit)
        for unit in (f"{name}.{kind}" for kind in ("timer", "service"))
    }
    timer = f"{name}.timer"
    if not os.path.lexists(files[timer]) or provenance.is_ours_by_header(files[timer], application):
        # When it has last elapsed, which systemd keeps over a restart: systemd.timer(5).
        todo.paths += _existing(application.path("var/lib/systemd/timers", f"stamp-{timer}"))
    _plan_unit_files(application, files, todo)


def _plan_unit_files(application: Application, units: Mapping[str, str], todo: Removal) -> None:
    for unit, path in units.items():
        if not os.path.lexists(path):
            continue
        if provenance.is_ours_by_header(path, application):
            todo.units.append(unit)
            todo.paths.append(path)
        else:
            todo.kept.append(f"{path}: it was not written by asgi.fleet")
        todo.kept += [
            f"{drop_in}: it was not made by asgi.fleet" for drop_in in _existing(f"{path}.d")
        ]


def _is_ours_or_empty(path: str, application: Application, user: str, todo: Removal) -> bool:
    if provenance.is_ours(path, application, user):
        return True
    if os.path.lexists(path) and not (os.path.isdir(path) and not os.listdir(path)):
        todo.kept.append(f"{path}: it has no mark of asgi.fleet for {application.name}")
    return False


def _plan_entries(folder: str, entries: Collection[str], todo: Removal, stays: str = "") -> bool:
    """Add what is known in a folder, report the rest, and return whether nothing stays."""
    if not os.path.isdir(folder):
        return False
    empty = not stays
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        if name in (provenance.MARK, LOCK, stays):
            continue
        if (
            name in entries
            or _is_temporary(name, (*entries, provenance.MARK))
            or (entries is ENTRIES["run"] and COMMAND_FOLDER.fullmatch(name))
        ):
            todo.paths.append(path)
        else:
            todo.kept.append(f"{path}: it was not made by asgi.fleet")
            empty = False
    return empty


def _is_temporary(name: str, entries: Collection[str]) -> bool:
    """Return whether a run that was killed left a file half written."""
    return name.startswith((f"{LOCK}.", *(f".{entry}." for entry in entries)))


def _plan_unmarked(application: Application, todo: Removal) -> None:
    """Add sockets and logs, whose folders can carry no mark or are nginx's."""
    run = provenance.runtime_folder(application)
    if _plan_entries(run, ENTRIES["run"], todo):
        todo.folders.append(run)
    log = provenance.access_log(application)
    todo.paths += _existing(log, *sorted(glob.glob(f"{glob.escape(log)}.*")))


def _plan_account(user: str, name: str, data_stays: bool, todo: Removal) -> None:
    """Add an account if it was made for the application, and owns nothing that stays."""
    account = find_account(user)
    if account is None:
        return
    if account.pw_uid == 0 or not is_marked(account, name):
        todo.kept.append(f"the account {user}: it was not made for {name}")
    elif user not in (name, build_account(name), acme_account(name), metrics_account(name)):
        todo.kept.append(f"the account {user}: other applications may use it as well")
    elif data_stays:
        # The next account would get its number, and with it the data.
        todo.kept.append(f"the account {user}: the data is its own")
    else:
        todo.accounts.append(user)


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


def _inside(folder: str) -> list[str]:
    return [name for name in os.listdir(folder) if name != provenance.MARK]


def _existing(*paths: str) -> list[str]:
    return [path for path in paths if os.path.lexists(path)]


def _delete(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        remove_tree(path)
    elif os.path.lexists(path):
        os.unlink(path)


def _delete_emptied(folder: str) -> None:
    """Remove a folder in which nothing but its mark is left."""
    if not os.path.isdir(folder) or set(os.listdir(folder)) - {provenance.MARK}:
        return
    _delete(os.path.join(folder, provenance.MARK))
    if os.path.islink(folder):
        os.unlink(folder)
    else:
        os.rmdir(folder)
