"""The static files of a release that nginx serves itself: published beside the releases.

    /opt/<app>/releases/<id>/src/static/app.css     in a folder that only the service may enter
    /opt/<app>/static/<id>/static/app.css           the same file by another name, for nginx
    /opt/<app>/static/live -> <id>                  exchanged just before live.sock is
    /opt/<app>/static/former -> <id>                for pages of the release before, by hashed names

So nginx's account reads what is named, and nothing else of a release: no links, no hidden files.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
from collections.abc import Iterator, Mapping

from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.host.files import (
    remove_tree,
    replace_link,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host.systemd import Refusal
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.world import source_folder

LIVE, FORMER = "live", "former"
#: Not complete yet; a killed run may leave one.
_UNFINISHED = ".new"
#: What Python makes of the modules in a folder, and no browser asks for.
BYTE_CODE = "__pycache__"
#: How many names of what is left out a note has.
_SHOWN = 3


def publish(
    application: Application, release: str, folders: Mapping[str, str], *, was_live: bool = False
) -> list[str]:
    """Publish the static files of a release, and return what its operator should know.

    Args:
        application: The application.
        release: Folder of the release, which root has taken over.
        folders: Folders of the source by the path under which visitors ask for them.
        was_live: Whether the release has served before: to go back to it must not fail for a
            folder that only a later one has.

    Raises:
        Refusal: A folder is not in the release.
    """
    name = os.path.basename(release)
    target = _place(application, name)
    if not folders:
        if os.path.isdir(target):
            remove_tree(target)
        return []
    unfinished = f"{target}{_UNFINISHED}"
    if os.path.lexists(unfinished):
        remove_tree(unfinished)
    os.makedirs(unfinished)
    os.chmod(_place(application), 0o755)  # noqa: S103 (nginx reads it, as everybody may)
    os.chmod(unfinished, 0o755)  # noqa: S103 (the same)
    source = os.path.realpath(source_folder(release))
    notes: list[str] = []
    for path, folder in sorted(folders.items()):
        found = os.path.realpath(os.path.join(source, folder))
        inside = found == source or found.startswith(f"{source}{os.sep}")
        if not inside or not os.path.isdir(found):
            seen = (
                f"app_static has {path}: {folder}, but the release {name} has no folder {folder}; "
            )
            if not was_live:
                remove_tree(unfinished)
                raise Refusal(
                    f"{seen}add it to the source, or correct app_static; nothing live changed"
                )
            notes.append(f"{seen}the application answers {path}")
            continue
        notes += _left_out(path, list(_copy(found, os.path.join(unfinished, path.strip("/")))))
    if os.path.isdir(target):
        # Nobody asks for what is exchanged here, unless the same release was published differently.
        os.rename(target, f"{target}.old")
    os.rename(unfinished, target)
    if os.path.isdir(f"{target}.old"):
        remove_tree(f"{target}.old")
    return notes


def is_published(application: Application, release: str, folders: Mapping[str, str]) -> bool:
    """Return whether what nginx serves is that of the live release, with these folders."""
    live = os.path.join(_place(application), LIVE)
    if not folders:
        return not os.path.lexists(live)
    name = os.path.basename(release)
    source = source_folder(release)
    return _target(live) == name and all(
        os.path.isdir(os.path.join(_place(application, name), path.strip("/")))
        or not os.path.isdir(os.path.join(source, folder))
        for path, folder in folders.items()
    )


def point(application: Application, release: str | None) -> None:
    """Have nginx serve the files of a release, and those of the one before by hashed names.

    Without published files of that release, nginx passes requests for them to the application.
    """
    folder = _place(application)
    live = os.path.join(folder, LIVE)
    name = os.path.basename(release or "")
    before = _target(live)
    if not name or not os.path.isdir(_place(application, name)):
        for link in (live, os.path.join(folder, FORMER)):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(link)
        return
    if before == name:
        return
    if before:
        replace_link(before, os.path.join(folder, FORMER))
    replace_link(name, live)


def prune(application: Application, kept: set[str]) -> None:
    """Remove what is published of releases that are not kept, and not linked."""
    folder = _place(application)
    links = {_target(os.path.join(folder, link)) for link in (LIVE, FORMER)}
    with contextlib.suppress(FileNotFoundError):
        for name in os.listdir(folder):
            path = os.path.join(folder, name)
            if not os.path.islink(path) and name not in kept | links:
                remove_tree(path)


def _place(application: Application, *parts: str) -> str:
    return application.path("opt", application.name, "static", *parts)


def _target(link: str) -> str:
    try:
        return os.path.basename(os.readlink(link))
    except OSError:
        return ""


def _copy(source: str, target: str) -> Iterator[str]:
    """Give each file of a folder a second name below another; yield what is left out."""
    _make_folders(target)
    with os.scandir(source) as entries:
        for entry in sorted(entries, key=lambda one: one.name):
            mode = entry.stat(follow_symlinks=False).st_mode
            there = os.path.join(target, entry.name)
            if entry.name == BYTE_CODE:
                continue
            if entry.name.startswith(".") or not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
                yield entry.name
            elif stat.S_ISDIR(mode):
                for name in _copy(entry.path, there):
                    yield f"{entry.name}/{name}"
            else:
                _second_name(entry.path, there)


def _make_folders(path: str) -> None:
    missing = []
    while not os.path.isdir(path):
        missing.append(path)
        path = os.path.dirname(path)
    for folder in reversed(missing):
        os.mkdir(folder)
        # Whatever the umask of the session is.
        os.chmod(folder, 0o755)  # noqa: S103 (nginx reads it, as everybody may)


def _second_name(source: str, target: str) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError as error:
        # Another file system, one without hard links, or a file with too many of them.
        if error.errno not in (errno.EXDEV, errno.EPERM, errno.ENOTSUP, errno.EMLINK):
            raise
        shutil.copy2(source, target, follow_symlinks=False)


def _left_out(path: str, names: list[str]) -> list[str]:
    if not names:
        return []
    rest = len(names) - _SHOWN
    return [
        f"nginx does not serve links and hidden files of {path}, and leaves them to the "
        f"application: {', '.join(names[:_SHOWN])}{f' and {rest} more' if rest > 0 else ''}"
    ]
