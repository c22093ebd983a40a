"""The files of a source, and the check that none of its links leads out of it."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

#: How many links one path may go through, as Linux allows.
MOST_LINKS = 40


class SourceError(Exception):
    """The source cannot be fetched; the message says what was tried and what to do."""


@dataclass(frozen=True)
class Entry:
    """One file of a tree: its path below the root, its contents, and whether it may be run."""

    path: str
    data: bytes
    executable: bool = False
    link: str = ""


def check_links(entries: Iterable[Entry]) -> None:
    """Refuse links that lead out of the tree, be it through other links, and files below links.

    Raises:
        SourceError: With the link.
    """
    listed = list(entries)
    links = {entry.path: entry.link for entry in listed if entry.link}
    for entry in listed:
        above = next((folder for folder in _parents(entry.path) if folder in links), None)
        if above is not None:
            raise SourceError(
                f"the source's {entry.path} is below {above}, which is a link; remove one of them"
            )
        if entry.link and _leads_out(entry.path, links):
            raise SourceError(
                f"the source's {entry.path} links to {entry.link}, outside of it; remove the link"
            )


def _parents(path: str) -> list[str]:
    """Return the folders that a path is in, from the outermost."""
    parts = path.split("/")[:-1]
    return ["/".join(parts[: length + 1]) for length in range(len(parts))]


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
