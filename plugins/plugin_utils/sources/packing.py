"""Turn an application's source into one archive, on the controller.

Every host of a rollout gets the same bytes: a branch or a URL is resolved once, hosts need no
access to it, and the archive's digest identifies the release. Nothing is held in memory whole.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import IO, Any, Protocol

from ansible_collections.asgi.fleet.plugins.module_utils.protocol.text import printable
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.archive import (
    BROKEN,
    ArchiveTree,
    download,
    sha256_of,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.commit import GitTree
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.credentials import (
    shown,
    without_credentials,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.entries import (
    Entry,
    SourceError,
    check_links,
    leaving,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.folder import FolderTree
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.git import describe
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.lfs import named, refusal
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.outside import (
    clean,
    join,
    reaches_outside,
    table,
    toml,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.selection import Selection
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.writing import (
    digest_of,
    read_contents,
    weights,
    write_archive,
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
    #: The first line of the commit's message.
    subject: str = ""
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


class Tree(Protocol):
    """What a tree is packed from: a folder, a commit, an archive."""

    def children(self, folder: str) -> list[Entry]:
        """Return what is directly in a folder, by paths from the root; the root is empty."""

    def read(self, path: str) -> str | None:
        """Return the text of a file; None if there is none."""


def prepare(source: Mapping[str, Any], cache: str, dependencies: str = "auto") -> Source:
    """Fetch `source` into the folder `cache` and describe it.

    Args:
        source: As `app_source` in docs/variables.md; assumed to be valid.
        cache: A folder of the controller, created if missing.
        dependencies: The file that names the dependencies, which may need the whole repository;
            auto if it was not chosen.

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
        asked = {**source, "dependencies": dependencies}
        return replace(makers[source["type"]](asked, cache), shown=shown(source))
    except OSError as error:
        raise SourceError(f"the source cannot be packed on the controller: {error}") from None


def _path(source: Mapping[str, Any], cache: str) -> Source:
    tree = FolderTree(os.path.expanduser(source["path"]))
    below = clean(source.get("subdirectory", ""))
    told = tree.notes(below)
    packed = _tree(tree, source, cache)
    return replace(
        packed,
        label=packed.label or "src",
        described=describe(os.path.expanduser(source["path"])),
        notes=(*told, *packed.notes),
    )


def _git(source: Mapping[str, Any], cache: str) -> Source:
    tree = GitTree(source, cache)
    with contextlib.closing(tree):
        packed = _tree(tree, source, cache)
    version = str(source["version"])
    short = version if not re.fullmatch(r"[0-9a-f]{12,40}", version) else version[:10]
    return replace(
        packed,
        label=_label(short),
        commit=tree.commit,
        subject=tree.subject,
        described=tree.described,
    )


def _archive(source: Mapping[str, Any], cache: str) -> Source:
    with _opened(source, cache) as (name, file):
        digest = sha256_of(file)
        expected = str(source.get("checksum", "")).rpartition(":")[2]
        if expected and expected != digest:
            raise SourceError(
                f"{without_credentials(name)} has the sha256 {digest}; "
                f"app_source.checksum expects {expected}; nothing was installed"
            )
        base = os.path.basename(name.partition("?")[0])
        if base.endswith(".whl"):
            return _wheel(source, file, base, digest, cache)
        tree = ArchiveTree(file, base, cache)
        packed = _tree(tree, source, cache)
        return replace(
            packed, label=packed.label or _label(re.sub(r"\.(tar|tgz|zip).*$", "", base))
        )


@contextlib.contextmanager
def _opened(source: Mapping[str, Any], cache: str) -> Iterator[tuple[str, IO[bytes]]]:
    """Open an archive: its place and its file, which is a temporary one of a download."""
    if source.get("path"):
        name = os.path.expanduser(source["path"])
        try:
            file = open(name, "rb")  # noqa: SIM115 (closed below; only this may be its error)
        except OSError as error:
            raise SourceError(f"app_source.path cannot be read: {error}") from None
        with file:
            yield name, file
        return
    with tempfile.TemporaryFile(dir=cache) as target:
        download(source["url"], target)
        yield source["url"], target


def _wheel(
    source: Mapping[str, Any], file: IO[bytes], name: str, digest: str, cache: str
) -> Source:
    for key in ("exclude", "include", "subdirectory"):
        if source.get(key):
            raise SourceError(
                f"app_source.{key} is set, and {name} is a wheel, which is installed as it is; "
                "remove it, or use an archive of the source"
            )
    version = name.split("-")[1] if name.count("-") >= 4 else "wheel"
    folder = os.path.join(cache, digest[:16])
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, name)
    if not os.path.exists(path):
        file.seek(0)
        with tempfile.NamedTemporaryFile(dir=folder, delete=False) as target:
            shutil.copyfileobj(file, target)
        os.replace(target.name, path)
    return Source("wheel", digest, _label(version), path, size=os.path.getsize(path))


def _tree(
    tree: FolderTree | GitTree | ArchiveTree, source: Mapping[str, Any], cache: str
) -> Source:
    """Pack a tree, or what is below the source's subdirectory if that is all that is needed."""
    below = clean(source.get("subdirectory", ""))
    project, notes = "", []
    with _reading(tree):
        selection = Selection(source)
        entries = [] if below.startswith("..") else selection.gather(tree, below)
        if not entries:
            whole = source["type"] == "path" and not below
            raise SourceError(
                "the source is empty"
                if whole
                else f"the source has nothing below {below or 'its root'}"
            )
        if below and (reason := _needs_more(tree, below, entries, source)):
            selection = Selection(source)
            entries, project = selection.gather(tree, ""), below
            notes.append(f"the whole repository is packed, not only {below}: {reason}")
        at = "" if project else below
        entries.sort(key=lambda entry: entry.path)
        check_links(_from(at, entries))
        _check_submodules(tree, entries)
        contents = read_contents(entries)
        if pointers := [entry for entry in entries if contents[entry.path].pointer]:
            if not isinstance(tree, GitTree):
                raise refusal(pointers)
            found = {entry.path: entry for entry in tree.contents_of(pointers)}
            entries = [found.get(entry.path, entry) for entry in entries]
            contents |= read_contents(found.values())
        notes += selection.notes + (tree.notes(entries) if isinstance(tree, GitTree) else [])
        label = _project_version(tree.read(join(below, "pyproject.toml")))
    entries = _from(at, entries)
    if at:
        contents = {path[len(at) + 1 :]: one for path, one in contents.items()}
    digest = digest_of(entries, contents, project)
    size = sum(one.size for one in contents.values())
    path = os.path.join(cache, f"{digest[:16]}.tar.gz")
    if not os.path.exists(path):
        write_archive(entries, contents, path, size)
    if told := weights(contents):
        notes.append(told)
    return Source(
        "tree", digest, label, path, project=project, size=size, notes=tuple(map(printable, notes))
    )


@contextlib.contextmanager
def _reading(tree: FolderTree | GitTree | ArchiveTree) -> Iterator[None]:
    """Tell an archive that is torn from an error of this machine."""
    try:
        yield
    except BROKEN as error:
        if isinstance(tree, ArchiveTree):
            raise tree.torn(error) from None
        raise


def _from(folder: str, entries: Sequence[Entry]) -> list[Entry]:
    """Return entries by their paths from a folder that all of them are in."""
    if not folder:
        return list(entries)
    return [replace(entry, path=entry.path[len(folder) + 1 :]) for entry in entries]


def _needs_more(tree: Tree, below: str, entries: Sequence[Entry], source: Mapping[str, Any]) -> str:
    """Return why a folder of a repository cannot be packed alone, or an empty string."""
    links = leaving(_from(below, entries))
    if links:
        return f"{below}/{links[0]} links out of it"
    return reaches_outside(tree.read, below, source["dependencies"])


def _check_submodules(tree: Tree, entries: Sequence[Entry]) -> None:
    """Refuse a folder or an archive in which the place of a submodule is empty."""
    told = tree.read(".gitmodules") or ""
    places = set(re.findall(r"^\s*path\s*=\s*(\S.*?)/?\s*$", told, re.M))
    empty = [entry.path for entry in entries if entry.folder and entry.path in places]
    if empty:
        raise SourceError(
            f"{named(empty)} empty in the source, but a submodule in .gitmodules; run "
            "`git submodule update --init --recursive` in the clone that the source is made from, "
            "or leave it out by app_source.exclude"
        )


def _project_version(text: str | None) -> str:
    """Return the version that a pyproject.toml names, as a label, or an empty string."""
    version = table(toml(text), "project").get("version")
    return _label(version) if isinstance(version, str) else ""


def _package(source: Mapping[str, Any], _cache: str) -> Source:
    extras = ",".join(sorted(source.get("extras", ())))
    wanted = f"{source['name']}{f'[{extras}]' if extras else ''}=={source['version']}"
    places = without_credentials(f"{source.get('index', '')} {source.get('find_links', '')}")
    digest = hashlib.sha256(f"{wanted} {places}".encode()).hexdigest()
    label = _label(str(source["version"]))
    return Source("package", digest, label, requirement=wanted)


def _label(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._]+", "_", text).strip("._")[:24] or "release"


def release_id(source: Source, *ingredients: object) -> str:
    """Return the id of the release made from `source` and everything else that determines it.

    The same ingredients give the same id on every host and in every run, so that an existing
    release is recognised without asking anything else.
    """
    digest = hashlib.sha256(repr((source.digest, *map(str, ingredients))).encode()).hexdigest()
    return f"{source.label}-{digest[:8]}"
