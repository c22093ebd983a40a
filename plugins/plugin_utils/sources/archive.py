"""A tar or a zip as a source, read from disk, and how it gets there."""

from __future__ import annotations

import base64
import bz2
import gzip
import hashlib
import http.client
import io
import lzma
import os
import re
import shutil
import stat
import struct
import tarfile
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import IO, Any

from ansible.module_utils.urls import open_url
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.credentials import (
    separate,
    without_credentials,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.entries import Entry, SourceError
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.listed import ListedTree

#: Seconds without a byte after which a download is aborted.
DOWNLOAD_TIMEOUT = 60
#: Bytes that are held in memory at once.
CHUNK = 1024 * 1024
#: What reading a file that is not an archive, or is truncated, may raise; zipfile raises
#: NotImplementedError for a compression that it does not support.
BROKEN = (
    *(tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error),
    *(EOFError, OSError, KeyError, NotImplementedError, RuntimeError),
)
#: What macOS adds to an archive; it must not hide a single top folder.
_OF_A_MAC = re.compile(r"(?:.*/)?(?:__MACOSX|\.DS_Store|\._[^/]*)(?:/.*)?")
#: A zip's time in UTC: field "UT", whose first byte says that the time of change is there.
_UTC_FIELD = 0x5455
#: Compressed files begin with this.
_COMPRESSIONS: tuple[tuple[bytes, Callable[..., Any]], ...] = (
    (b"\x1f\x8b", gzip.open),
    (b"BZh", bz2.open),
    (b"\xfd7zXZ\x00", lzma.open),
    (b"\x5d\x00\x00", lzma.open),
)


def download(url: str, target: IO[bytes]) -> None:
    """Write what a URL leads to into a file.

    Raises:
        SourceError: It cannot be fetched.
    """
    place, user, password = separate(url)
    headers = {}
    if user or password:
        told = base64.b64encode(f"{user}:{password}".encode()).decode()
        headers["Authorization"] = f"Basic {told}"
    try:
        # The operator's own URL; file: is equivalent to a path.
        with open_url(
            place,
            headers=headers,
            # Another host, which a redirect may lead to, must not see them.
            unredirected_headers=["Authorization"],
            use_netrc=False,
            # The checksum is of the bytes as they are stored.
            decompress=False,
            timeout=DOWNLOAD_TIMEOUT,
        ) as answer:
            shutil.copyfileobj(answer, target, CHUNK)
            # Read in parts, http.client does not say that the last ones are missing.
            if missing := getattr(answer, "length", None):
                raise http.client.IncompleteRead(b"", missing)
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise SourceError(f"{without_credentials(url)} cannot be fetched: {error}") from None


def sha256_of(file: IO[bytes]) -> str:
    """Return the digest of a file that is open."""
    file.seek(0)
    digest = hashlib.sha256()
    while data := file.read(CHUNK):
        digest.update(data)
    return digest.hexdigest()


class ArchiveTree(ListedTree):
    """Reads the members of an archive as they are needed."""

    def __init__(self, file: IO[bytes], name: str, cache: str) -> None:
        """Read the list of an archive's members; a single folder at its top is left away.

        Args:
            file: The archive, which stays open as long as its members are read.
            name: For messages.
            cache: Where a compressed tar is unpacked to, as one file: it cannot be read from the
                middle.

        Raises:
            SourceError: It is none, or a member leads out of it.
        """
        self._name = name
        try:
            found = list(_read_zip(file) if zipfile.is_zipfile(file) else _read_tar(file, cache))
        except BROKEN as error:
            raise self.torn(error) from None
        # Of a path that an archive has twice, the last counts, as when it is unpacked.
        super().__init__({entry.path: entry for entry in _without_top(found)}.values())

    def torn(self, error: BaseException) -> BaseException:
        """Return what an error of reading means."""
        # An error of this machine, such as a full disk.
        if getattr(error, "errno", None):
            return error
        return SourceError(f"{self._name} is neither a tar, a zip nor a wheel, or is torn: {error}")


def _without_top(entries: list[Entry]) -> Iterator[Entry]:
    entries = [
        entry for entry in entries if entry.path != "." and not _OF_A_MAC.fullmatch(entry.path)
    ]
    tops = {entry.path.partition("/")[0] for entry in entries}
    single = len(tops) == 1 and all(entry.folder or "/" in entry.path for entry in entries)
    prefix = f"{tops.pop()}/" if single else ""
    for entry in entries:
        if entry.path.startswith(prefix):
            yield _moved(entry, entry.path[len(prefix) :])


def _moved(entry: Entry, path: str) -> Entry:
    return Entry(
        path, entry.open, entry.size, entry.mtime, entry.executable, entry.link, entry.folder
    )


def _read_zip(file: IO[bytes]) -> Iterator[Entry]:
    archive = zipfile.ZipFile(file)
    for member in archive.infolist():
        path = _inside(_name_in_zip(member))
        mode, changed = member.external_attr >> 16, _changed(member)
        if member.is_dir():
            yield Entry(path, folder=True, mtime=changed)
        elif stat.S_ISLNK(mode):
            yield Entry(path, link=os.fsdecode(archive.read(member)), mtime=changed)
        elif stat.S_IFMT(mode) not in (0, stat.S_IFREG):
            raise _special(path)
        else:
            opened = partial(archive.open, member)
            yield Entry(path, opened, member.file_size, changed, bool(mode & stat.S_IXUSR))


def _name_in_zip(member: zipfile.ZipInfo) -> str:
    """Return a name with the bytes that were archived.

    Without the mark of UTF-8, Python reads the code page of MS-DOS, but Unix and macOS write the
    name as it is.
    """
    name = member.filename
    of_windows = member.create_system == 0
    if of_windows and "\\" in name and "/" not in name:
        name = name.replace("\\", "/")
    if member.flag_bits & 0x800:
        return name
    raw = name.encode("cp437", errors="replace")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return name if of_windows else os.fsdecode(raw)


def _changed(member: zipfile.ZipInfo) -> int:
    extra = member.extra
    while len(extra) >= 4:
        field, length = struct.unpack_from("<HH", extra)
        if field == _UTC_FIELD and length >= 5 and extra[4] & 1:
            (told,) = struct.unpack_from("<i", extra, 5)
            return int(told)
        extra = extra[4 + length :]
    try:
        # The local time of whoever made it.
        return int(time.mktime((*member.date_time, 0, 0, -1)))
    except (OverflowError, ValueError):
        return 0


def _read_tar(file: IO[bytes], cache: str) -> Iterator[Entry]:
    file = _decompressed(file, cache)
    archive = tarfile.open(fileobj=file, mode="r:")  # noqa: SIM115 (its members are read later)
    files: dict[str, Entry] = {}
    while (member := archive.next()) is not None:
        # It keeps them all otherwise, which nobody needs.
        archive.members = []  # type: ignore[attr-defined]
        path = _inside(member.name)
        changed = int(member.mtime)
        if member.isreg():
            opened = (
                partial(archive.extractfile, member)
                if member.issparse()
                else partial(_part, file, member.offset_data, member.size)
            )
            runs = bool(member.mode & stat.S_IXUSR)
            files[path] = Entry(path, opened, member.size, changed, runs)  # type: ignore[arg-type]
            yield files[path]
        elif member.issym():
            yield Entry(path, link=member.linkname, mtime=changed)
        elif member.islnk():
            # Another name of a file before it.
            files[path] = _moved(files[_inside(member.linkname)], path)
            yield files[path]
        elif member.isdir():
            yield Entry(path, folder=True, mtime=changed)
        else:
            raise _special(path)


def _decompressed(file: IO[bytes], cache: str) -> IO[bytes]:
    file.seek(0)
    start = file.read(8)
    file.seek(0)
    for magic, reader in _COMPRESSIONS:
        if start.startswith(magic):
            spool = tempfile.TemporaryFile(dir=cache)  # noqa: SIM115 (its members are read later)
            with reader(file, "rb") as plain:
                shutil.copyfileobj(plain, spool, CHUNK)
            spool.seek(0)
            return spool
    return file


def _part(file: IO[bytes], start: int, size: int) -> IO[bytes]:
    return io.BufferedReader(_Part(file, start, size), 64 * 1024)


class _Part(io.RawIOBase):
    """A part of a file; several may be read in turns."""

    def __init__(self, file: IO[bytes], start: int, size: int) -> None:
        super().__init__()
        self._file, self._at, self._end = file, start, start + size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 (a buffer, which has no type in 3.11)
        self._file.seek(self._at)
        data = self._file.read(min(len(buffer), self._end - self._at))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


def _special(path: str) -> SourceError:
    return SourceError(
        f"the archive holds {path!r}, a device or a pipe, which no release needs; remove it"
    )


def _inside(path: str) -> str:
    """Return a member's path, normalised.

    Raises:
        SourceError: the path leads out of the archive.
    """
    normal = os.path.normpath(path)
    if normal == ".." or normal.startswith(("/", "../")):
        raise SourceError(
            f"the archive holds {path!r}, which leads out of it; nothing was unpacked"
        )
    return normal
