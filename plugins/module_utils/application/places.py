"""The places that an application may write besides its own folders, made before any of it runs.

    <release>/src/uploads -> /var/lib/<app>/state/uploads    kept over releases
    <release>/src/static                                     a release's own: the service's account

Root makes the link, and gives a release's own place away; whatever happens in the state folder,
which is the application's, its account does itself. What the release brought in a kept place stays
in <release>/brought.
"""

# No AnsibleModule here, whose run_command ansible-test asks for.
# pylint: disable=ansible-bad-function

from __future__ import annotations

import os
import pwd
import stat
import subprocess
from dataclasses import dataclass

from ansible_collections.asgi.fleet.plugins.module_utils.application.confinement import (
    application_of,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host.files import replace_link
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.places import Place
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.sandbox import Sandbox
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.text import printable
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.world import source_folder

#: The folder of a release for what it brought in places that are kept over releases.
BROUGHT = "brought"

#: Run by the application's account: $1 the kept place, $2 what the release brought there (empty for
#: nothing), $3 "folder" or "file".
_KEEP = r"""
umask 027
if [ -e "$1" ] || [ -L "$1" ]; then exit 0; fi
mkdir -p -- "$(dirname -- "$1")"
if [ -n "$2" ]; then
    rm -rf -- "$1.copy"
    cp -R -P --preserve=mode,timestamps -- "$2" "$1.copy"
    chmod -R u+w -- "$1.copy"
    mv -- "$1.copy" "$1"
elif [ "$3" = folder ]; then
    mkdir -- "$1"
fi
"""


class PlaceError(Exception):
    """A place cannot be made writable; the message says why, and nothing live has changed."""


@dataclass(frozen=True)
class _Release:
    """A release whose places are made.

    Attributes:
        path: Its folder, root's.
        source: Its source, as the kernel resolves it.
        state: The application's state.
        account: The account of the service.
    """

    path: str
    source: str
    state: str
    account: pwd.struct_passwd


def open_places(release: str, user: str, sandbox: Sandbox) -> list[str]:
    """Make the places that an application may write, and return what its operator should know.

    Whatever is there already stays as it is, so that it can be called before each thing that runs.

    Args:
        release: Folder of the release, which root has taken over.
        user: The account of the service.
        sandbox: What the service may do.

    Raises:
        PlaceError: A place is not on the host, or leads elsewhere.
    """
    for path in sandbox.writable_paths:
        if not os.path.exists(path):
            raise PlaceError(
                f"app_writable_paths has {path}, which is not on this host; make it: install "
                f"--directory --owner={user} --group={user} --mode=0750 {path}; nothing live "
                "changed"
            )
    if not sandbox.places:
        return []
    application = application_of(release)
    found = _Release(
        release,
        os.path.realpath(source_folder(release)),
        application.path("var/lib", application.name, "state"),
        pwd.getpwnam(user),
    )
    if not os.path.isdir(found.state):
        os.mkdir(found.state, 0o750)
        os.chown(found.state, found.account.pw_uid, found.account.pw_gid)
    told = []
    for place in sandbox.places:
        _make_parents(found, place)
        if place.keep:
            told += _keep(found, place)
        else:
            _give(found, place)
    return told


def _make_parents(release: _Release, place: Place) -> None:
    """Make the folders of a place in the release, none of which may be a link."""
    folder = release.source
    for part in place.name.split("/")[:-1]:
        folder = os.path.join(folder, part)
        if not os.path.lexists(folder):
            _make_folder(folder)
        if not stat.S_ISDIR(os.lstat(folder).st_mode):
            raise PlaceError(
                f"app_writable_paths has {place.path}, but {part} in it is no folder of the "
                "source; name the place that it leads to; nothing live changed"
            )


def _make_folder(path: str) -> None:
    os.mkdir(path)
    # Whatever the umask of the log-in: the application reads it.
    os.chmod(path, 0o755)  # noqa: S103 (who may enter is decided at the release's own folder)


def _keep(release: _Release, place: Place) -> list[str]:
    """Put a link to a place in the application's state into the release."""
    target = os.path.join(release.state, place.name)
    link = os.path.join(release.source, place.name)
    brought = os.path.join(release.path, BROUGHT, place.name)
    is_linked = os.path.islink(link) and os.readlink(link) == target
    has_own = not is_linked and os.path.lexists(link)
    if has_own:
        folder = release.path
        for part in (BROUGHT, *place.name.split("/")[:-1]):
            folder = os.path.join(folder, part)
            if not os.path.isdir(folder):
                _make_folder(folder)
        os.rename(link, brought)
    offered = brought if os.path.lexists(brought) else ""
    try:
        _make_kept(release, target, offered, "folder" if place.is_folder else "file")
    except PlaceError:
        if has_own:
            os.rename(brought, link)
        raise
    if not is_linked:
        replace_link(target, link)
    if not offered or (os.path.isdir(brought) and not _has_content(brought)):
        return []
    return [
        f"{place.name} is kept over releases, in {target}; what the source brings there was copied "
        "when that was new, and is not used since"
    ]


def _has_content(folder: str) -> bool:
    """Tell whether a folder has more than what keeps an empty one in git."""
    return bool(set(os.listdir(folder)) - {".gitkeep", ".gitignore", ".keep"})


def _make_kept(release: _Release, *arguments: str) -> None:
    """Make a kept place, as the application's account: the state folder is its own."""
    account = release.account
    result = subprocess.run(
        ["/bin/sh", "-ec", _KEEP, "sh", *arguments],
        cwd="/",
        user=account.pw_uid,
        group=account.pw_gid,
        extra_groups=[],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        raise PlaceError(
            f"{arguments[0]} cannot be made: {printable(result.stderr[-500:]).strip()}; it is the "
            f"account {account.pw_name}'s own; nothing live changed"
        )


def _give(release: _Release, place: Place) -> None:
    """Give a place in the release, and all that is in it, to the account of the service."""
    path = os.path.join(release.source, place.name)
    uid, gid = release.account.pw_uid, release.account.pw_gid
    if not os.path.lexists(path):
        if place.is_folder:
            _make_folder(path)
        else:
            with open(path, "xb"):
                pass
    found = os.lstat(path)
    if stat.S_ISLNK(found.st_mode):
        raise PlaceError(
            f"app_writable_paths has {place.path}, which is a link in the source; name the place "
            "that it leads to; nothing live changed"
        )
    # Once it is the account's, anything may be in it. Hence also from the inside out.
    if found.st_uid == uid:
        return
    for folder, folders, files in os.walk(path, topdown=False):
        for name in (*folders, *files):
            os.chown(os.path.join(folder, name), uid, gid, follow_symlinks=False)
    os.chown(path, uid, gid)
