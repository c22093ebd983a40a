"""Files that git keeps elsewhere: in their place is a pointer, which no release may be made of."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence

from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.entries import Entry, SourceError
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.git import Mirror

#: A pointer is no longer, in bytes.
LONGEST = 1024
_POINTER = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\n(?:ext-.+\n)*"
    rb"oid sha256:([0-9a-f]{64})\nsize \d+\n?"
)


def oid_in(data: bytes) -> str:
    """Return the digest of the contents that a pointer stands for; empty for no pointer."""
    found = _POINTER.fullmatch(data) if len(data) <= LONGEST else None
    return found[1].decode() if found else ""


def oid_of(entry: Entry) -> str:
    """Return the digest that the pointer in a file names."""
    with entry.open() as file:
        return oid_in(file.read(LONGEST + 1))


def refusal(pointers: Sequence[Entry]) -> SourceError:
    """Return the refusal of a folder or an archive that has pointers."""
    return SourceError(
        f"{named([entry.path for entry in pointers])} pointers of Git LFS, without the "
        "contents; run `git lfs pull` in the clone that the source is made from, or leave them "
        "out by app_source.exclude"
    )


def fetched(mirror: Mirror, commit: str, oids: Mapping[str, str]) -> dict[str, str]:
    """Fetch the contents of pointers, and return the file of the mirror for each path.

    Args:
        mirror: The repository.
        commit: The pointers are in it.
        oids: The digest that the pointer at each path names.

    Raises:
        SourceError: They cannot be fetched.
    """
    what = f"{named(list(oids))} in Git LFS of {mirror.url}"
    advice = "or leave them out by app_source.exclude"
    try:
        told = mirror.git("lfs", "env").decode(errors="surrogateescape")
    except SourceError:
        raise SourceError(
            f"{what}, and git-lfs is not on the controller; install it (the package git-lfs), "
            f"{advice}"
        ) from None
    found = re.search(r"^LocalMediaDir=(.+)$", told, re.M)
    objects = found[1] if found else os.path.join(mirror.folder, "lfs", "objects")
    files = {path: os.path.join(objects, oid[:2], oid[2:4], oid) for path, oid in oids.items()}
    if not all(map(os.path.exists, files.values())):
        # All of them, whatever the operator's own settings leave away.
        settings = ("-c", "lfs.fetchinclude=", "-c", "lfs.fetchexclude=")
        try:
            mirror.git(*settings, "lfs", "fetch", "origin", commit)
        except SourceError as error:
            raise SourceError(f"{what}, and cannot be fetched: {error}; {advice}") from None
    missing = [path for path, file in files.items() if not os.path.exists(file)]
    if missing:
        raise SourceError(
            f"{named(missing)} in Git LFS of {mirror.url}, whose server lacks the contents; "
            "run `git lfs push --all` where they are, or leave them out by app_source.exclude"
        )
    return files


def named(paths: Sequence[str], most: int = 5) -> str:
    """Return the first paths, and how many there are, as the subject of a sentence."""
    shown = ", ".join(sorted(paths)[:most])
    more = f" and {len(paths) - most} more" if len(paths) > most else ""
    return f"{shown}{more} {'is' if len(paths) == 1 else 'are'}"
