"""Turn an application's source into one archive, on the controller.

Every host of a rollout gets the same bytes: a branch or a URL is resolved once, hosts need no
access to it, and the archive's digest identifies the release. Standard library and git only.
"""

from __future__ import annotations

import base64
import fnmatch
import gzip
import hashlib
import http.client
import io
import lzma
import os
import re
import shutil
import stat
import subprocess
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible.module_utils.urls import open_url
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.credentials import (
    git_environment,
    separate,
    shown,
    without_credentials,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.entries import (
    Entry,
    SourceError,
    check_links,
)

#: What never belongs to a release, anywhere in the tree.
NEVER = (
    *(".git", ".hg", ".svn", ".venv", "__pycache__", "*.pyc", ".mypy_cache", ".pytest_cache"),
    *(".ruff_cache", ".tox", ".nox", "node_modules"),
)
#: Every file gets this time (1980-01-01, the oldest that a zip or wheel can hold).
FIXED_TIME = 315532800
#: Seconds without a byte after which a download is aborted.
DOWNLOAD_TIMEOUT = 60
#: What reading a file that is not an archive, or is truncated, may raise; zipfile raises
#: NotImplementedError for a compression that it does not support.
_BROKEN = (
    *(tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError),
    *(EOFError, OSError, KeyError, NotImplementedError, RuntimeError),
)


@dataclass(frozen=True)
class Source:
    """The result of packing a source: the archive's path and its identity."""

    #: tree (a tar of a folder), wheel, or package (no archive: the host installs it by name).
    kind: str
    #: sha256 of the contents, as hex.
    digest: str
    #: Readable beginning of the release's id.
    label: str
    archive: str = ""
    commit: str = ""
    #: What the host installs by name, for a package.
    requirement: str = ""
    #: The source as the manifest shows it, without credentials.
    shown: dict[str, Any] = field(default_factory=dict)
    #: The folder of the project in the tree, empty for its root: app_source.subdirectory when the
    #: project needs something outside of it, so that the whole repository had to be packed.
    project: str = ""
    #: Bytes of the tree's files.
    size: int = 0
    #: What the user should know of the packing, a sentence each.
    notes: tuple[str, ...] = ()
    #: What `git describe --tags --long --always` says of the commit, with -dirty for a work tree
    #: with changes (v1.4.0-3-g1a2b3c4); empty outside of git.
    described: str = ""


def prepare(source: Mapping[str, Any], cache: str) -> Source:
    """Fetch `source` into the folder `cache` and describe it.

    Args:
        source: As `app_source` in docs/variables.md; assumed to be valid.
        cache: A folder of the controller, created if missing.

    Raises:
        SourceError: The source cannot be fetched.
    """
    makers = {"path": _path, "git": _git, "archive": _archive, "package": _package}
    if source.get("type") not in makers:
        raise SourceError(
            f"the source's type is {source.get('type')!r}; "
            f"expected one of {', '.join(sorted(makers))}"
        )
    try:
        os.makedirs(cache, mode=0o700, exist_ok=True)
        return makers[source["type"]](source, cache)
    except OSError as error:
        raise SourceError(f"the source cannot be packed on the controller: {error}") from None


def _path(source: Mapping[str, Any], cache: str) -> Source:
    root = os.path.expanduser(source["path"])
    if not os.path.isdir(root):
        raise SourceError(f"{root} is not a folder of the controller; set app_source.path to one")
    entries = list(_walk(root, (*NEVER, *source.get("exclude", ()))))
    return _tree(entries, source, cache, fallback="src")


def _walk(root: str, excluded: Iterable[str]) -> Iterator[Entry]:
    patterns = tuple(excluded)

    def kept(path: str) -> bool:
        name = os.path.basename(path)
        return not any(fnmatch.fnmatch(name, p) or fnmatch.fnmatch(path, p) for p in patterns)

    for folder, folders, files in os.walk(root):
        below = os.path.relpath(folder, root)
        relative = "" if below == "." else below
        folders[:] = sorted(f for f in folders if kept(os.path.join(relative, f)))
        linked = [f for f in folders if os.path.islink(os.path.join(folder, f))]
        for name in sorted(files + linked):
            path = os.path.join(relative, name)
            if not kept(path):
                continue
            full = os.path.join(folder, name)
            mode = os.lstat(full).st_mode
            if stat.S_ISLNK(mode):
                yield Entry(path, b"", link=os.readlink(full))
            elif stat.S_ISREG(mode):
                with open(full, "rb") as file:
                    yield Entry(path, file.read(), bool(mode & stat.S_IXUSR))


def _git(source: Mapping[str, Any], cache: str) -> Source:
    url, user, password = separate(source["url"])
    version = str(source["version"])
    login = git_environment(url, user, password, os.environ)
    mirror = os.path.join(cache, hashlib.sha256(url.encode()).hexdigest()[:16] + ".git")
    if url != source["url"]:
        # An earlier version kept the credentials in the mirror's configuration.
        old = hashlib.sha256(source["url"].encode()).hexdigest()[:16] + ".git"
        shutil.rmtree(os.path.join(cache, old), ignore_errors=True)
    if os.path.isdir(mirror):
        _run_git("fetch", "--quiet", "--prune", "--force", "origin", cwd=mirror, environment=login)
    else:
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            clone = ("clone", "--quiet", "--mirror", url, os.path.join(folder, "mirror"))
            _run_git(*clone, cwd=cache, environment=login)
            os.rename(os.path.join(folder, "mirror"), mirror)
    try:
        found = _run_git("rev-parse", "--verify", f"{version}^{{commit}}", cwd=mirror)
    except SourceError:
        raise SourceError(
            f"app_source.version is {version}; {shown(source)['url']} has no such branch, "
            "tag or commit"
        ) from None
    commit = found.decode().strip()
    below = source.get("subdirectory", "").strip("/")
    entries = list(
        _read_tar(io.BytesIO(_run_git("archive", "--format=tar", commit, cwd=mirror)), below)
    )
    listed = _run_git("ls-tree", "-r", commit, *([below] if below else []), cwd=mirror)
    # 160000 is git's mode of a submodule, of which `git archive` writes an empty folder.
    if re.search(rb"^160000 ", listed, re.MULTILINE):
        raise SourceError(
            f"{shown(source)['url']} has submodules, which a release would miss; "
            "build an archive with them and use app_source type archive"
        )
    short = version if not re.fullmatch(r"[0-9a-f]{12,40}", version) else version[:10]
    return _tree(entries, source, cache, fallback=short, label=short, commit=commit)


def _run_git(*arguments: str, cwd: str, environment: Mapping[str, str] | None = None) -> bytes:
    environment = {
        **(os.environ if environment is None else environment),
        "GIT_TERMINAL_PROMPT": "0",
    }
    try:
        result = subprocess.run(
            ["git", *arguments], cwd=cwd, env=environment, capture_output=True, check=False
        )
    except FileNotFoundError:
        raise SourceError("git is not installed on the controller; install it") from None
    if result.returncode != 0:
        told = without_credentials(result.stderr.decode(errors="replace").strip())
        raise SourceError(f"git {arguments[0]} failed: {told}")
    return result.stdout


def _archive(source: Mapping[str, Any], cache: str) -> Source:
    if source.get("path"):
        name = os.path.expanduser(source["path"])
        try:
            with open(name, "rb") as file:
                data = file.read()
        except OSError as error:
            raise SourceError(f"app_source.path cannot be read: {error}") from None
    else:
        name, data = source["url"], _download(source["url"])
    digest = hashlib.sha256(data).hexdigest()
    expected = str(source.get("checksum", "")).rpartition(":")[2]
    if expected and expected != digest:
        raise SourceError(
            f"{without_credentials(name)} has the sha256 {digest}; "
            f"app_source.checksum expects {expected}; nothing was installed"
        )
    base = os.path.basename(name.partition("?")[0])
    if base.endswith(".whl"):
        version = base.split("-")[1] if base.count("-") >= 4 else "wheel"
        folder = os.path.join(cache, digest[:16])
        os.makedirs(folder, exist_ok=True)
        path = _store(os.path.join(folder, base), data)
        return Source("wheel", digest, _label(version), path, shown=shown(source))
    entries = list(_unpack(data, base, source.get("subdirectory", "")))
    return _tree(entries, source, cache, fallback=re.sub(r"\.(tar|tgz|zip).*$", "", base))


def _download(url: str) -> bytes:
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
            data: bytes = answer.read()
            return data
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise SourceError(f"{without_credentials(url)} cannot be fetched: {error}") from None


def _unpack(data: bytes, name: str, subdirectory: str) -> Iterator[Entry]:
    try:
        zipped = zipfile.is_zipfile(io.BytesIO(data))
        entries = list(_read_zip(data) if zipped else _read_tar(io.BytesIO(data)))
    except _BROKEN as error:
        raise SourceError(
            f"{name} is neither a tar, a zip nor a wheel, or is torn: {error}"
        ) from None
    tops = {entry.path.partition("/")[0] for entry in entries}
    if len(tops) == 1 and all("/" in entry.path for entry in entries):
        subdirectory = os.path.join(tops.pop(), subdirectory) if subdirectory else tops.pop()
    return _below(entries, subdirectory)


def _read_zip(data: bytes) -> Iterator[Entry]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for member in archive.infolist():
            if not member.is_dir():
                path, data = _inside(member.filename), archive.read(member)
                mode = member.external_attr >> 16
                if stat.S_ISLNK(mode):
                    yield Entry(path, b"", link=data.decode())
                elif stat.S_IFMT(mode) not in (0, stat.S_IFREG):
                    raise _special(path)
                else:
                    yield Entry(path, data, bool(mode & stat.S_IXUSR))


def _read_tar(file: io.BytesIO, below: str = "") -> Iterator[Entry]:
    entries = []
    with tarfile.open(fileobj=file) as archive:
        for member in archive:
            path = _inside(member.name)
            # Of a hard link, extractfile() finds the file that it is another name of.
            extracted = archive.extractfile(member) if not member.issym() else None
            if extracted is not None:
                entries.append(Entry(path, extracted.read(), bool(member.mode & stat.S_IXUSR)))
            elif member.issym():
                entries.append(Entry(path, b"", link=member.linkname))
            elif not member.isdir():
                raise _special(path)
    return _below(entries, below)


def _below(entries: Iterable[Entry], folder: str) -> Iterator[Entry]:
    """Yield the entries below `folder`, with their paths from there.

    Raises:
        SourceError: there are none.
    """
    prefix = folder.strip("/") + "/" if folder.strip("/") else ""
    found = False
    for entry in entries:
        if entry.path.startswith(prefix):
            found = True
            yield Entry(entry.path[len(prefix) :], entry.data, entry.executable, entry.link)
    if not found:
        raise SourceError(f"the source has nothing below {folder or 'its root'}")


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
    if normal.startswith(("/", "..")):
        raise SourceError(
            f"the archive holds {path!r}, which leads out of it; nothing was unpacked"
        )
    return normal


def _tree(
    entries: list[Entry],
    source: Mapping[str, Any],
    cache: str,
    fallback: str,
    label: str = "",
    commit: str = "",
) -> Source:
    """Write the entries as one tar, with the same bytes at any time and on any machine."""
    if not entries:
        raise SourceError("the source is empty")
    # Of a path that an archive has twice, the last counts, as when it is unpacked.
    entries = list({entry.path: entry for entry in entries}.values())
    check_links(entries)
    digest = hashlib.sha256()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for entry in sorted(entries, key=lambda e: e.path):
            info = tarfile.TarInfo(entry.path)
            info.size, info.mtime = len(entry.data), FIXED_TIME
            info.mode = 0o755 if entry.executable else 0o644
            if entry.link:
                info.type, info.linkname = tarfile.SYMTYPE, entry.link
            archive.addfile(info, io.BytesIO(entry.data))
            for part in (entry.path, oct(info.mode), entry.link):
                digest.update(os.fsencode(part) + b"\0")
            digest.update(hashlib.sha256(entry.data).digest())
    name = digest.hexdigest()
    path = os.path.join(cache, f"{name[:16]}.tar.gz")
    if not os.path.exists(path):
        _store(path, gzip.compress(buffer.getvalue(), mtime=0))
    label = label or _project_version(entries) or fallback
    return Source("tree", name, _label(label), path, commit, shown=shown(source))


def _project_version(entries: Iterable[Entry]) -> str:
    """Return the version in the tree's pyproject.toml, or an empty string."""
    for entry in entries:
        if entry.path == "pyproject.toml":
            text = entry.data.decode(errors="replace")
            section = re.search(r"^\[project\]$(.*?)(^\[|\Z)", text, re.MULTILINE | re.DOTALL)
            version = re.search(
                r"^version\s*=\s*[\"']([^\"']+)", section.group(1) if section else "", re.MULTILINE
            )
            return version.group(1) if version else ""
    return ""


def _package(source: Mapping[str, Any], _cache: str) -> Source:
    extras = ",".join(sorted(source.get("extras", ())))
    wanted = f"{source['name']}{f'[{extras}]' if extras else ''}=={source['version']}"
    places = without_credentials(f"{source.get('index', '')} {source.get('find_links', '')}")
    digest = hashlib.sha256(f"{wanted} {places}".encode()).hexdigest()
    label = _label(str(source["version"]))
    return Source("package", digest, label, requirement=wanted, shown=shown(source))


def _label(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._]+", "_", text).strip("._")[:24] or "release"


def _store(path: str, data: bytes) -> str:
    """Write `data` to `path` in one step and return the path."""
    with tempfile.NamedTemporaryFile(dir=os.path.dirname(path), delete=False) as file:
        file.write(data)
    os.replace(file.name, path)
    return path


def release_id(source: Source, *ingredients: object) -> str:
    """Return the id of the release made from `source` and everything else that determines it.

    The same ingredients give the same id on every host and in every run, so that an existing
    release is recognised without asking anything else.
    """
    digest = hashlib.sha256(repr((source.digest, *map(str, ingredients))).encode()).hexdigest()
    return f"{source.label}-{digest[:8]}"
