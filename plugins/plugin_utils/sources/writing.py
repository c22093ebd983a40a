"""The archive of a tree: written in parts while it is hashed, the same digest on any machine."""

from __future__ import annotations

import gzip
import hashlib
import os
import tarfile
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, cast

from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.entries import Entry, SourceError
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.lfs import LONGEST, oid_in

#: Bytes that are held in memory at once.
CHUNK = 1024 * 1024
#: No file is older, in seconds: 1980-01-01, the oldest that a zip or wheel can hold.
OLDEST = 315532800
#: Bytes from which on a source is called large: told what it is made of, and compressed less.
LARGE = 100_000_000
#: What the digest is of; another number makes other releases of the same sources.
_FORMAT = b"asgi.fleet source 2\0"


@dataclass(frozen=True, slots=True)
class Contents:
    """What was read of a file: its digest and size, and whether it is a pointer of Git LFS."""

    sha256: bytes
    size: int
    pointer: bool = False


_EMPTY = Contents(hashlib.sha256().digest(), 0)


def read_contents(entries: Iterable[Entry]) -> dict[str, Contents]:
    """Read all files once and return what they hold, by their paths."""
    return {entry.path: _read(entry) for entry in entries}


def _read(entry: Entry) -> Contents:
    if entry.link or entry.folder:
        return _EMPTY
    digest, size, pointer = hashlib.sha256(), 0, False
    with entry.open() as file:
        while data := file.read(CHUNK):
            pointer = not size and len(data) <= LONGEST and oid_in(data) != ""
            digest.update(data)
            size += len(data)
    return Contents(digest.digest(), size, pointer)


def digest_of(entries: Sequence[Entry], contents: Mapping[str, Contents], project: str) -> str:
    """Return the identity of a tree: its names, modes and contents, and no times."""
    digest = hashlib.sha256(_FORMAT)
    for entry in entries:
        for part in (entry.path, oct(_mode(entry)), "/" if entry.folder else entry.link):
            digest.update(os.fsencode(part) + b"\0")
        digest.update(contents[entry.path].sha256)
    digest.update(os.fsencode(project))
    return digest.hexdigest()


def write_archive(
    entries: Iterable[Entry], contents: Mapping[str, Contents], path: str, size: int
) -> None:
    """Write the tree as one archive, in one step.

    Raises:
        SourceError: A file is not the one that was read before.
    """
    now = int(time.time())
    level = 1 if size > LARGE else 6
    with tempfile.NamedTemporaryFile(dir=os.path.dirname(path), delete=False) as file:
        try:
            with (
                gzip.GzipFile(filename="", fileobj=file, mode="wb", compresslevel=level) as packed,
                tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
            ):
                for entry in entries:
                    _add(archive, entry, contents[entry.path], now)
                    # It keeps them all otherwise, which nobody needs.
                    archive.members = []  # type: ignore[attr-defined]
        except BaseException:
            os.unlink(file.name)
            raise
    os.replace(file.name, path)


def _add(archive: tarfile.TarFile, entry: Entry, contents: Contents, now: int) -> None:
    info = tarfile.TarInfo(entry.path)
    info.size, info.mode = contents.size, _mode(entry)
    # The fraction is of the contents: a file of the same size and second is another one still, to
    # whoever compares times (an ETag of StaticFiles is made of them).
    fraction = int.from_bytes(contents.sha256[:4], "big") % 1_000_000 / 1_000_000
    info.mtime = min(max(entry.mtime, OLDEST), now - 1) + fraction
    if entry.link:
        info.type, info.linkname = tarfile.SYMTYPE, entry.link
    if entry.folder:
        info.type = tarfile.DIRTYPE
    if entry.link or entry.folder:
        archive.addfile(info)
        return
    with entry.open() as file:
        read = _Reader(file)
        try:
            archive.addfile(info, cast("IO[bytes]", read))
        except OSError as error:
            # Shorter than before, as tarfile says it.
            if error.errno:
                raise
            raise _changed(entry) from None
    if read.sha256 != contents.sha256:
        raise _changed(entry)


def _changed(entry: Entry) -> SourceError:
    return SourceError(f"the source's {entry.path} changed while it was packed; run again")


class _Reader:
    """Reads a file and remembers the digest of what was read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._digest.update(data)
        return data

    @property
    def sha256(self) -> bytes:
        return self._digest.digest()


def _mode(entry: Entry) -> int:
    return 0o755 if entry.executable or entry.folder else 0o644


def weights(contents: Mapping[str, Contents], most: int = 4) -> str:
    """Return how large a large tree is and what weighs in it; empty for one that is not."""
    size = sum(one.size for one in contents.values())
    if size <= LARGE:
        return ""
    weighed: Counter[str] = Counter()
    for path, one in contents.items():
        top, slash, _rest = path.partition("/")
        weighed[top + slash] += one.size
    heaviest = [f"{name} {_shown(told)}" for name, told in weighed.most_common(most) if told]
    return (
        f"the source has {_shown(size)} in {len(contents)} files: {', '.join(heaviest)} "
        "(app_source.exclude leaves out what the application does not need)"
    )


def _shown(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"
