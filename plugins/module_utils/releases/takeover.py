"""Root takes over what a build without privileges has left, once nothing of the build runs.

A build is foreign code: it may leave links that lead out of the release, programs with the rights
of another account, files that others may change. None of it becomes part of a release.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator

from ansible_collections.asgi.fleet.plugins.module_utils.releases.recipe import BuildError

#: Where the links of a virtual environment to the host's interpreter lead; no others may.
INTERPRETERS = ("/usr/bin/python3", "/usr/local/bin/python3")


def hand_over(path: str, uid: int, gid: int) -> None:
    """Give a tree to an account, links as links; nothing of that account runs yet."""
    _chown(path, uid, gid)
    for entry in _entries(path):
        _chown(entry.path, uid, gid)


def take_over(release: str, folders: Iterable[str], pythons: str) -> None:
    """Give folders to the user of this process, root, and make them safe for everyone.

    Args:
        release: The release's folder, which root has already taken back.
        folders: What to take over below it.
        pythons: Where uv keeps interpreters: a virtual environment's links may lead there as well.

    Raises:
        BuildError: Something in it must not be part of a release; with its name and the reason.
    """
    root = os.path.realpath(release)
    uid, gid = os.geteuid(), os.getegid()
    for folder in (os.path.join(root, name) for name in folders):
        found = os.lstat(folder)
        if not stat.S_ISDIR(found.st_mode):
            raise BuildError(f"the build replaced {os.path.relpath(folder, root)}, a folder")
        _make_safe(folder, found, uid, gid)
        for entry in _entries(folder):
            _take(entry.path, entry.stat(follow_symlinks=False), root, pythons)


def _take(path: str, found: os.stat_result, root: str, pythons: str) -> None:
    uid, gid = os.geteuid(), os.getegid()
    if stat.S_ISLNK(found.st_mode):
        _require_inside(path, root, pythons)
        _chown(path, uid, gid)
        return
    if not stat.S_ISDIR(found.st_mode) and not stat.S_ISREG(found.st_mode):
        raise BuildError(
            f"the build left {os.path.relpath(path, root)}, which is neither a file, a folder nor "
            "a link; a release has nothing else"
        )
    if stat.S_ISREG(found.st_mode) and found.st_nlink > 1:
        # Another name of the file may be anywhere, for example in the cache of the builds.
        _copy_apart(path, found)
        found = os.lstat(path)
    _make_safe(path, found, uid, gid)


def _entries(folder: str) -> Iterator[os.DirEntry[str]]:
    """Yield everything below a folder, each folder before what is in it, however deep it is."""
    todo = [folder]
    while todo:
        with os.scandir(todo.pop()) as found:
            entries = list(found)
        for entry in entries:
            yield entry
            if entry.is_dir(follow_symlinks=False):
                todo.append(entry.path)


def _make_safe(path: str, found: os.stat_result, uid: int, gid: int) -> None:
    """Change owner and mode where they must: readable by all, writable by the owner alone."""
    if (found.st_uid, found.st_gid) != (uid, gid):
        _chown(path, uid, gid)
    mode = stat.S_IMODE(found.st_mode)
    executable = 0o111 if stat.S_ISDIR(found.st_mode) or mode & 0o100 else 0
    # No setuid, setgid or sticky bit either. Who may enter is decided at the release's own folder.
    wanted = (mode & 0o755) | 0o444 | executable
    if wanted != mode:
        os.chmod(path, wanted)


def _chown(path: str, uid: int, gid: int) -> None:
    os.chown(path, uid, gid, follow_symlinks=False)


def _copy_apart(path: str, found: os.stat_result) -> None:
    """Replace a file that has other names by a copy with the same times: byte code needs them."""
    # A new name that nobody can know: at a known one the build may have left a link to anywhere.
    descriptor, copy = tempfile.mkstemp(dir=os.path.dirname(path))
    with open(path, "rb") as source, os.fdopen(descriptor, "wb") as target:
        shutil.copyfileobj(source, target)
        os.fchmod(descriptor, stat.S_IMODE(found.st_mode))
    os.utime(copy, ns=(found.st_atime_ns, found.st_mtime_ns))
    os.replace(copy, path)


def _require_inside(link: str, root: str, pythons: str) -> None:
    """Refuse a link that leads out of the release, whichever way, but to an interpreter."""
    try:
        target = os.path.realpath(link)
    except RecursionError:
        # A chain longer than Python follows; the kernel follows 40 links.
        target = ""
    if target == root or target.startswith(f"{root}/"):
        return
    in_venv = os.path.dirname(link) == os.path.join(root, ".venv", "bin")
    if in_venv and target.startswith((*INTERPRETERS, f"{os.path.realpath(pythons)}/")):
        return
    raise BuildError(
        f"a link leads out of the release: {os.path.relpath(link, root)} -> {os.readlink(link)}; "
        "put what it leads to into the source"
    )
