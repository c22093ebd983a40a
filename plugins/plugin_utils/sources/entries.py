"""The files of a source, and the check that none of its links leads out of it."""

from __future__ import annotations

import io
import posixpath
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import IO

from ansible_collections.asgi.fleet.plugins.module_utils.protocol.text import printable

#: How many links one path may go through, as Linux allows.
MOST_LINKS = 40


class SourceError(Exception):
    """The source cannot be fetched; the message says what was tried and what to do."""

    def __init__(self, message: str) -> None:
        # The name of a file in it may be any bytes.
        super().__init__(printable(message))


def _nothing() -> IO[bytes]:
    return io.BytesIO()


def open_file(path: str) -> IO[bytes]:
    """Open a file of the controller."""
    return open(path, "rb")


@dataclass(frozen=True, slots=True)
class Entry:
    """A file, a link or a folder of a tree.

    Attributes:
        path: From the tree's root.
        open: Opens the contents of a file, as often as they are needed; the whole is never held
            in memory.
        size: Bytes, as far as known before the contents are read.
        mtime: When it was changed, in whole seconds.
        executable: Whether it may be run.
        link: Where a link leads; empty for a file.
        folder: Whether it is a folder.
    """

    path: str
    open: Callable[[], IO[bytes]] = _nothing
    size: int = 0
    mtime: int = 0
    executable: bool = False
    link: str = ""
    folder: bool = False


def parents(path: str) -> list[str]:
    """Return the folders that a path is in, from the outermost."""
    parts = path.split("/")[:-1]
    return ["/".join(parts[: length + 1]) for length in range(len(parts))]


def check_links(entries: Iterable[Entry]) -> None:
    """Refuse links that lead out of the tree, be it through other links, and files below links.

    Raises:
        SourceError: With the link.
    """
    listed = list(entries)
    links = {entry.path: entry.link for entry in listed if entry.link}
    files = {entry.path for entry in listed if not entry.folder}
    for entry in listed:
        above = next((folder for folder in parents(entry.path) if folder in files), None)
        if above is not None:
            kind = "link" if above in links else "file"
            raise SourceError(
                f"the source's {entry.path} is below {above}, which is a {kind}; remove one of them"
            )
    for path in leaving(listed):
        raise SourceError(
            f"the source's {path} links to {links[path]}, outside of it; remove the link"
        )


def leaving(entries: Collection[Entry]) -> list[str]:
    """Return the links that lead out of the tree."""
    links = {entry.path: entry.link for entry in entries if entry.link}
    return [path for path in links if _leads_out(path, links)]


def _leads_out(path: str, links: Mapping[str, str]) -> bool:
    """Return whether the link at `path` resolves outside, as the kernel resolves it."""
    place = [part for part in posixpath.dirname(path).split("/") if part]
    rest = _parts(links[path])
    followed = 1
    if links[path].startswith("/"):
        return True
    while rest:
        part = rest.pop(0)
        if part == "..":
            if not place:
                return True
            place.pop()
            continue
        place.append(part)
        target = links.get("/".join(place))
        if target is None:
            continue
        followed += 1
        # A circle leads nowhere.
        if target.startswith("/") or followed > MOST_LINKS:
            return True
        place.pop()
        rest = _parts(target) + rest
    return False


def _parts(target: str) -> list[str]:
    return [part for part in target.split("/") if part not in ("", ".")]
