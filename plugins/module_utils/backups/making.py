"""Makes one backup: the application's command, then its check, each as the service would run it.

    /var/backups/<app>/.20261128T120000Z    while it is made: the account's, BACKUP_DIRECTORY
    /var/backups/<app>/20261128T120000Z     a good one

The folder around them is root's, so that nothing of the application takes a backup away, and the
last backup that could be read outlives every later one that fails.
"""

from __future__ import annotations

import os
import pwd
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ansible_collections.asgi.fleet.plugins.module_utils.application import provenance
from ansible_collections.asgi.fleet.plugins.module_utils.application.confinement import as_service
from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.application.places import open_places
from ansible_collections.asgi.fleet.plugins.module_utils.backups import record
from ansible_collections.asgi.fleet.plugins.module_utils.host import confined
from ansible_collections.asgi.fleet.plugins.module_utils.host.confined import (
    Confinement,
    ConfinementError,
    Outcome,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host.files import remove_tree
from ansible_collections.asgi.fleet.plugins.module_utils.host.locking import locked
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.backup import Backup, is_fresh
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.redaction import Redactor
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.sandbox import Sandbox
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.text import printable

#: What the command and its check find the folder of the backup by.
VARIABLE = "BACKUP_DIRECTORY"
#: Part of the name of their unit.
PURPOSE = "backup"
#: The name of a folder that has a backup, by its time (UTC), and that of one which is not whole.
NAMES = "%Y%m%dT%H%M%SZ"
_WHOLE = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_PART = re.compile(r"\.[0-9]{8}T[0-9]{6}Z")
#: Lines that are remembered of what a command printed.
KEPT_LINES = 20
#: Seconds beyond a running backup's own that it may need to be noted.
MARGIN_SECONDS = 60
#: The exit status that is noted if systemd did not start a command, as `asgi.fleet.run` has it.
NOT_STARTED = 125
#: What visitors wait for goes first: nice(1).
NICE = "10"


@dataclass(frozen=True)
class Job:
    """What a backup is, as `app_backup` has it.

    Attributes:
        command: For /bin/sh.
        check: For /bin/sh; fails if the backup cannot be read.
        timeout: Seconds that each of them may take.
        keep: Good ones that stay in the folder.
    """

    command: str
    check: str
    timeout: float
    keep: int

    @property
    def longest(self) -> float:
        """Seconds after which a backup has ended, whatever comes of it."""
        return 2 * (self.timeout + confined.MARGIN_SECONDS) + MARGIN_SECONDS


@dataclass(frozen=True)
class Surroundings:
    """What the command and its check run in.

    Attributes:
        release: Folder of the release.
        user: The account of the service.
        environment: The application's environment.
        secret_names: Names in it whose values must not be shown.
        sandbox: What the service may do.
        memory_max: MemoryMax= of systemd.resource-control(5); empty for no limit.
        slot: The slot that the release runs in; empty for the one that it is going to.
    """

    release: str
    user: str
    environment: Mapping[str, str] = field(default_factory=dict)
    secret_names: Sequence[str] = ()
    sandbox: Sandbox = field(default_factory=Sandbox)
    memory_max: str = ""
    slot: str = ""


def replaced(
    inside: Surroundings, environment: Mapping[str, str], secret_names: Sequence[str]
) -> Surroundings:
    """Return surroundings with another environment, in which `secret_names` must not be shown."""
    return replace(inside, environment=environment, secret_names=secret_names)


@dataclass(frozen=True)
class Made:
    """What came of the wish for a backup: the attempt, or the one that is fresh enough."""

    made: bool
    backup: Backup


def make(
    application: Application, job: Job, inside: Surroundings, by: str, max_age: float = 0
) -> Made:
    """Make a backup and check it, unless there is a fresh one.

    One that is being made just now is waited for, and may then be the fresh one.

    Args:
        application: The application.
        job: What to do.
        inside: What it runs in.
        by: Who wants it.
        max_age: Seconds up to which one is fresh; 0 makes one in any case.

    Raises:
        ControllerGone: The controller left while this waited for another backup.
        ForeignError: The folder of the backups is another's.
        OSError: There is no place for it, or nothing can be noted.
        PlaceError: A place that the application may write cannot be made.
        TimeoutError: Another backup ran all the time.
        UnsafeFolderError: The folder of the locks is not root's alone.
    """
    with locked(f"{application.name}.backup", job.longest, root=application.root):
        known = record.read(application)
        if max_age and known["good"] and is_fresh(known["last_good"], time.time(), max_age):
            return Made(made=False, backup=known["good"])
        open_places(inside.release, inside.user, inside.sandbox)
        folder = prepare(application, inside.user)
        try:
            done = _attempt(job, inside, by, folder)
        except BaseException:
            remove_tree(folder)
            raise
        record.note(application, done)
        if done["good"]:
            prune(application, job.keep, os.path.basename(folder)[1:])
        return Made(made=True, backup=done)


def home(application: Application) -> str:
    """Return the folder of an application's backups."""
    return provenance.folder_of(application, provenance.BACKUPS)


def prepare(application: Application, user: str) -> str:
    """Make the folder of a new backup, remove what killed ones have left, and return it."""
    account = pwd.getpwnam(user)
    parent = provenance.claim_backups(application, user)
    # The application may read what it has kept, and nobody else may; only root adds and removes.
    os.chown(parent, os.geteuid(), account.pw_gid)
    os.chmod(parent, 0o750)  # noqa: S103 (the application's group)
    for name in os.listdir(parent):
        if _PART.fullmatch(name):
            remove_tree(os.path.join(parent, name))
    while True:
        name = time.strftime(NAMES, time.gmtime())
        if not os.path.lexists(os.path.join(parent, name)):
            break
        time.sleep(0.2)
    folder = os.path.join(parent, f".{name}")
    os.mkdir(folder, 0o700)
    os.chown(folder, account.pw_uid, account.pw_gid)
    return folder


def prune(application: Application, keep: int, newest: str) -> list[str]:
    """Remove the oldest of more than `keep` backups, and return their folders.

    A name that is later than that of the newest is of a clock that was wrong: nobody knows how old
    it is, and it goes before those that are known. By its name alone, the newest would.

    Args:
        application: The application.
        keep: How many stay.
        newest: The name that the backup of this moment has, or would have.
    """
    parent = home(application)
    names = sorted(
        filter(_WHOLE.fullmatch, os.listdir(parent)), key=lambda name: (name <= newest, name)
    )
    gone = [os.path.join(parent, name) for name in names[: max(0, len(names) - keep)]]
    for path in gone:
        remove_tree(path)
    return gone


def size_of(folder: str) -> int:
    """Return the bytes of the files in a folder; links are not followed."""
    total = 0
    for place, _folders, files in os.walk(folder):
        for name in files:
            total += os.lstat(os.path.join(place, name)).st_size
    return total


def _attempt(job: Job, inside: Surroundings, by: str, folder: str) -> Backup:
    began = time.time()
    confinement = _confinement(job, inside, folder)
    hide = Redactor(inside.environment, inside.secret_names)
    made = _run(job.command, confinement)
    checked = None if made.problem else _run(job.check, confinement)
    last = checked or made
    problem = ""
    if last.problem:
        which = "check" if checked else "command"
        shown = getattr(job, which)
        problem = f"its {which} {hide(shown)!r} failed: {printable(hide(last.problem))}"
    size = 0 if problem else size_of(folder)
    kept = ""
    if problem or not os.listdir(folder):
        # What is made elsewhere, as by restic, leaves nothing here.
        remove_tree(folder)
    else:
        kept = os.path.join(os.path.dirname(folder), os.path.basename(folder)[1:])
        os.rename(folder, kept)
    return {
        "began": int(began),
        "ended": int(time.time()),
        "by": by,
        "release": os.path.basename(inside.release),
        "good": not problem,
        "problem": problem,
        "status": made.status,
        "check": checked.status if checked else None,
        "lines": printable(hide(last.output)).splitlines()[-KEPT_LINES:],
        "size": size,
        "folder": kept,
    }


def _confinement(job: Job, inside: Surroundings, folder: str) -> Confinement:
    found = as_service(
        inside.release,
        PURPOSE,
        inside.user,
        {**inside.environment, VARIABLE: folder},
        job.timeout,
        inside.sandbox,
        inside.memory_max,
        inside.slot,
    )
    return replace(
        found,
        properties=(*found.properties, ("ReadWritePaths", folder), ("Nice", NICE)),
        # Whoever has lost their connection has a backup all the same.
        patient=True,
    )


def _run(command: str, confinement: Confinement) -> Outcome:
    try:
        outcome = confined.run(["/bin/sh", "-c", command], confinement)
    except ConfinementError as error:
        return Outcome(NOT_STARTED, "", problem=f"it did not start: {error}")
    if outcome.timed_out:
        return replace(outcome, problem=f"{outcome.problem}; raise app_backup.timeout")
    return outcome
