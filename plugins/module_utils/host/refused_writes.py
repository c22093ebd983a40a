"""Which path an application could not write, by what it said, and the line that allows it.

What is read is foreign text: a path counts only if it has plain characters. The release it is
about belongs to root; what in it is the application's own is not looked into.
"""

from __future__ import annotations

import os
import posixpath
import re
import stat
from collections.abc import Iterator, Mapping

from ansible_collections.asgi.fleet.plugins.module_utils.protocol.world import source_folder

#: What says that a write was refused, whatever the language.
REFUSED = re.compile(r"EROFS|Read-only file system|Errno 30\b|write a readonly database")
#: The same, or a file of root, which every file of a release is.
_DENIED = re.compile(r"EACCES|Permission denied|Errno 13\b")
#: SQLite, which does not say what it could not open.
_SQLITE = re.compile(r"unable to open database file|write a readonly database")
#: How the path is told: by Python, by the tools of the host, by a shell, by Node.js.
_PATHS = (
    re.compile(r"\[Errno (?:30|13)\] [^:]+: ['\"](?P<path>[^'\"]+)['\"]"),
    re.compile(r"EROFS: read-only file system, \w+ '(?P<path>[^']+)'"),
    re.compile(
        r"cannot (?:create|touch|open|make|copy|move)(?: \w+)?(?: file| link)? ['\"\u2018]?"
        r"(?P<path>[^'\"\u2019:\s]+)['\"\u2019]?: (?:Read-only|Permission)"
    ),
    re.compile(r": (?P<path>[^\s:]+): (?:Read-only file system|Permission denied)$"),
)
_PLAIN = re.compile(r"[A-Za-z0-9._@+,=~/-]+")
_URL = re.compile(r"sqlite(?:\+\w+)?:///([A-Za-z0-9._@+,=~/-]+)")
_CONNECT = re.compile(r"connect\(\s*['\"]([A-Za-z0-9._@+,=~/-]+)['\"]")
_DATABASE = re.compile(r"['\"]([A-Za-z0-9._@+,=~/-]+\.(?:db|sqlite3?))['\"]")
_IN_RELEASE = re.compile(r"/opt/[^/]+/(?:releases/[^/]+|slots/\w+)/src/(.+)")
_IN_VENV = re.compile(r"/opt/[^/]+/(?:releases/[^/]+|slots/\w+)/\.venv/")

#: Where nothing of an application may be written, whatever it asks for.
SYSTEM = re.compile(r"/(bin|boot|dev|etc|home|lib\w*|proc|root|run|sbin|sys|usr)(/|$)")
#: Folders that hold those of others.
SHARED = ("/", "/media", "/mnt", "/opt", "/srv", "/var", "/var/lib", "/var/log", "/var/opt")
#: Files of a source that may name its database, and how much of them is read.
NAMING = (".py", ".ini", ".toml", ".cfg", ".yml", ".yaml")
MOST_FILES, MOST_BYTES = 300, 64 * 1024

OTHERWISE = "or write to $STATE_DIRECTORY"


def refused_write(line: str, release: str, environment: Mapping[str, str]) -> str:
    """Return the path that a line says could not be written; empty if it says no such thing.

    Args:
        line: One line that the application said.
        release: Folder of its release; empty if it is not known.
        environment: Its environment, which may name its database.
    """
    if _SQLITE.search(line):
        return _database(line, release, environment)
    denied = not REFUSED.search(line)
    if denied and not _DENIED.search(line):
        return ""
    for pattern in _PATHS:
        found = pattern.search(line)
        if found and _PLAIN.fullmatch(found["path"]):
            # Anything else that it may not read is another matter.
            return found["path"] if not denied or _inside(found["path"], release) else ""
    return ""


def advice(path: str, release: str, collected: bool = False) -> str:
    """Return what makes a path writable: the line to add.

    Args:
        path: The path that the application could not write.
        release: Folder of its release; empty if it is not known.
        collected: Whether it collects static files, which each release has anew.
    """
    inside = _inside(path, release)
    if inside:
        place = _place(inside, os.path.realpath(source_folder(release)) if release else "")
        if collected:
            return f"add app_writable_paths: [{{path: {place}, keep: false}}]"
        return (
            f"add app_writable_paths: [{place}], which is then kept over releases in "
            f"$STATE_DIRECTORY/{place}, {OTHERWISE}"
        )
    if _IN_VENV.match(path):
        return "write to XDG_CACHE_HOME instead; most packages have a variable for where they write"
    if not path.startswith("/") or SYSTEM.match(path):
        return "write to $STATE_DIRECTORY instead"
    folder = posixpath.dirname(path)
    own = folder if os.path.isdir(folder) and folder not in SHARED else path
    return f"add app_writable_paths: [{own}], {OTHERWISE}"


def _inside(path: str, release: str) -> str:
    """Return a path relative to the source of a release, or an empty text if it is elsewhere."""
    if not path.startswith("/"):
        relative = posixpath.normpath(path)
        return "" if relative.startswith("..") or relative == "." else relative
    source = source_folder(release)
    for root in (os.path.realpath(source), source) if release else ():
        if path.startswith(f"{root}/"):
            return posixpath.normpath(path[len(root) + 1 :])
    found = _IN_RELEASE.match(path)
    return posixpath.normpath(found[1]) if found else ""


def _place(path: str, root: str) -> str:
    """Return what of a path in a source is to be writable: its first folder without code."""
    parts = path.split("/")
    folder = root
    for depth, part in enumerate(parts[:-1], 1):
        folder = os.path.join(folder, part)
        if not root or not _has_code(folder):
            return "/".join(parts[:depth])
    return path


def _has_code(folder: str) -> bool:
    try:
        return any(name.endswith(".py") for name in os.listdir(folder))
    except OSError:
        return False


def _database(line: str, release: str, environment: Mapping[str, str]) -> str:
    """Return the database that could not be written, if it is named and not where it may be."""
    named = [
        *(found[1] for value in environment.values() if (found := _URL.search(value))),
        *_CONNECT.findall(line),
        *_named_in_source(os.path.realpath(source_folder(release)) if release else ""),
    ]
    return next((path for path in named if _inside(path, release) or SYSTEM.match(path)), "")


def _named_in_source(root: str) -> list[str]:
    """Return the databases that a source names, those in a URL first."""
    urls: list[str] = []
    others: list[str] = []
    for text in _texts(root) if root else ():
        urls += _URL.findall(text)
        others += _DATABASE.findall(text)
    return urls + others


def _texts(root: str) -> Iterator[str]:
    """Yield the texts of a source that may name its database, those nearest to its root first."""
    todo, count = [root], 0
    while todo and count < MOST_FILES:
        with os.scandir(todo.pop(0)) as found:
            entries = sorted(found, key=lambda entry: entry.name)
        for entry in entries:
            state = entry.stat(follow_symlinks=False)
            # What the application may write, it may also have filled with anything.
            if state.st_uid != os.geteuid():
                continue
            if stat.S_ISDIR(state.st_mode) and not entry.name.startswith((".", "node_modules")):
                todo.append(entry.path)
            elif stat.S_ISREG(state.st_mode) and entry.name.endswith(NAMING):
                count += 1
                with open(entry.path, encoding="utf-8", errors="replace") as file:
                    yield file.read(MOST_BYTES)
