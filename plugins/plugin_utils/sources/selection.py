"""What of a source is packed: all but what never belongs to a release, and what is excluded."""

from __future__ import annotations

import json
import posixpath
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.entries import (
    Entry,
    SourceError,
    parents,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.text.patterns import (
    PatternError,
    Patterns,
)

#: The history is no part of a source, which needs no word.
_HISTORY = (".git", ".hg", ".svn")
#: What tools keep beside the source, for themselves or for the machine they run on.
_TOOLS = re.compile(
    r"__pycache__|.+\.py[co]|\.(?:mypy|pytest|ruff)_cache|\.tox|\.nox|\.hypothesis"
    r"|\.ipynb_checkpoints|\.DS_Store|\.venv|node_modules"
    # What macOS adds to archives, and to foreign file systems.
    r"|__MACOSX|\._.+"
)
#: A folder of these is a virtual environment, whatever it is called.
_ENVIRONMENT = ("pyvenv.cfg", "conda-meta")
#: Settings of one machine, often with passwords; examples of them are for everybody.
_SETTINGS = re.compile(r"\.env(?:rc|[._-].+)?")
_EXAMPLES = re.compile(r".*[._-](?:example|sample|template|dist)")
#: Names of files that may hold a private key; their contents decide.
_KEYS = re.compile(r".+\.(?:pem|key|ppk|p8|json)|id_[^.]+", re.I)
#: Stores of private keys, which are encrypted.
_STORES = re.compile(r".+\.(?:p12|pfx)", re.I)
_KEY = re.compile(rb"^-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----|^PuTTY-User-Key", re.M)
#: How many paths a note names.
MOST_NAMED = 16
#: How many paths a note names.
MOST_NAMED = 16
#: Bytes; no key is longer.
_LONGEST_KEY = 256 * 1024


class Tree(Protocol):
    """What a source is read from."""

    def children(self, folder: str) -> list[Entry]:
        """Return what is directly in a folder, by paths from the root; the root is empty."""


class Selection:
    """What is left out, and what the user must know of that."""

    def __init__(self, source: Mapping[str, Any]) -> None:
        """Take `exclude` and `include` of a source.

        Raises:
            SourceError: A pattern is wrong.
        """
        self._exclude = _patterns(source, "exclude")
        self._include = _patterns(source, "include")
        self._secrets: list[str] = []
        self._tools: list[str] = []
        #: Folders that something was left out of: on purpose, or as nobody's business.
        self._thinned: set[str] = set()
        self._hollow: set[str] = set()

    def gather(self, tree: Tree, below: str) -> list[Entry]:
        """Return what is packed of a folder, with the folders in it that are empty."""
        todo, kept = [below], list[Entry]()
        folders: dict[str, Entry] = {}
        while todo:
            folder = todo.pop()
            found = tree.children(folder)
            if folder != below and self._is_environment(folder, found):
                self._leave(self._tools, folder)
                folders.pop(folder)
                continue
            for entry in found:
                if self._leaves_out(entry):
                    continue
                if entry.folder:
                    folders[entry.path] = entry
                    todo.append(entry.path)
                else:
                    kept.append(entry)
        empty = self._empty(set(folders), {entry.path for entry in kept})
        return kept + [folders[path] for path in empty]

    def _leaves_out(self, entry: Entry) -> bool:
        if self._exclude.matches(entry.path, folder=entry.folder):
            self._thinned.add(posixpath.dirname(entry.path))
            return True
        name = posixpath.basename(entry.path)
        if name in _HISTORY or _TOOLS.fullmatch(name):
            kind = self._tools
        elif not entry.folder and (_is_settings(name) or _is_key(name, entry)):
            kind = self._secrets
        else:
            return False
        if self._include.matches(entry.path, folder=entry.folder):
            return False
        self._leave(kind, entry.path)
        return True

    def _is_environment(self, folder: str, found: Iterable[Entry]) -> bool:
        names = {posixpath.basename(entry.path) for entry in found}
        return not names.isdisjoint(_ENVIRONMENT) and not self._include.matches(folder, folder=True)

    def _leave(self, kind: list[str], path: str) -> None:
        kind.append(path)
        (self._hollow if kind is self._tools else self._thinned).add(posixpath.dirname(path))

    def _empty(self, folders: set[str], kept: set[str]) -> list[str]:
        """Return the folders with nothing in them, but those that held only a tool's own files.

        Python's byte code stays behind in a folder whose modules have moved.
        """
        occupied = {folder for path in kept for folder in parents(path)}
        empty = []
        for folder in sorted(folders, key=lambda path: (-path.count("/"), path)):
            if folder in occupied:
                continue
            if folder in self._hollow and folder not in self._thinned:
                self._hollow.add(posixpath.dirname(folder))
                continue
            empty.append(folder)
            occupied.update(parents(folder))
        return empty

    @property
    def notes(self) -> list[str]:
        """What was left out, and what the user's patterns did not do."""
        notes = []
        if self._secrets:
            named = _listed(self._secrets)
            few = len(self._secrets) <= MOST_NAMED
            packs = f": [{named}] packs it" if few else " packs what it names"
            notes.append(
                f"left out, since it may hold secrets: {named} (app_source.include{packs})"
            )
        tools = [path for path in self._tools if posixpath.basename(path) not in _HISTORY]
        if tools:
            named = _counted(tools)
            notes.append(
                f"left out, as a tool's own: {named} (app_source.include packs what it names)"
            )
        for key, patterns in (("exclude", self._exclude), ("include", self._include)):
            what = "leaves out" if key == "exclude" else "adds"
            notes.extend(
                f"app_source.{key} has {text}, which {what} nothing" for text in patterns.unused
            )
        return notes


def _patterns(source: Mapping[str, Any], key: str) -> Patterns:
    try:
        return Patterns(source.get(key) or ())
    except PatternError as error:
        raise SourceError(f"app_source.{key}: {error}") from None


def _is_settings(name: str) -> bool:
    return _SETTINGS.fullmatch(name) is not None and not _EXAMPLES.fullmatch(name)


def _is_key(name: str, entry: Entry) -> bool:
    if _STORES.fullmatch(name):
        return True
    if not _KEYS.fullmatch(name) or entry.link or entry.size > _LONGEST_KEY:
        return False
    with entry.open() as file:
        data = file.read(_LONGEST_KEY)
    return _is_account(data) if name.lower().endswith(".json") else _KEY.search(data) is not None


def _is_account(data: bytes) -> bool:
    """Return whether a JSON file is that of a service account, with its key."""
    if b'"private_key"' not in data:
        return False
    try:
        found = json.loads(data)
    except ValueError:
        return False
    key = found.get("private_key") if isinstance(found, dict) else None
    return isinstance(key, str) and _KEY.search(key.encode(errors="replace")) is not None


def _listed(paths: list[str]) -> str:
    more = f" and {len(paths) - MOST_NAMED} more" if len(paths) > MOST_NAMED else ""
    return ", ".join(sorted(paths)[:MOST_NAMED]) + more


def _counted(paths: list[str]) -> str:
    """Return the names of what was left out, each once, with how often."""
    names = Counter(
        "*.pyc" if path.endswith((".pyc", ".pyo")) else posixpath.basename(path) for path in paths
    )
    return _listed([name if count == 1 else f"{name} ({count})" for name, count in names.items()])
