"""The check of `app_source`: where a release comes from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import Findings, seen
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.transports import check_transport
from ansible_collections.asgi.fleet.plugins.plugin_utils.text.patterns import (
    PatternError,
    Patterns,
)

if TYPE_CHECKING:
    from collections.abc import Callable

_GIT_URL = re.compile(r"((https?|ssh|git|file)://|[\w.-]+@[\w.-]+:|/)\S+", re.ASCII)
_URL = re.compile(r"(https?|file)://\S+", re.ASCII)
#: What git itself refuses in a name (git-check-ref-format), and a name that looks like an option.
_NO_REVISION = re.compile(
    r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|(?:^|/)\.|\.lock(?:/|$)|^[-/]|[/.]$|^@$"
)
_CHECKSUM = re.compile(r"sha256:[0-9a-fA-F]{64}")
_PACKAGE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_PACKAGE_VERSION = re.compile(r"[0-9][A-Za-z0-9.!+_-]*")

#: A file of the mirror has the name of a reference, and a lock file of git beside it.
LONGEST_REVISION = 200

TYPES = ("git", "path", "archive", "package")


@dataclass(frozen=True)
class Key:
    """One key of a source.

    Attributes:
        expected: What is allowed, for messages and the documentation.
        valid: Whether a text is allowed; a key of a list applies it to each entry.
        required: Whether the key must be there.
        many: Whether the value is a list.
    """

    expected: str
    valid: Callable[[str], bool]
    required: bool = False
    many: bool = False


def _full(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda text: pattern.fullmatch(text) is not None


def is_revision(text: str) -> bool:
    """Return whether git takes a text as the name of a tag or a branch; a commit's is one too."""
    return 0 < len(text) <= LONGEST_REVISION and not _NO_REVISION.search(text)


def is_inside(path: str) -> bool:
    """Return whether a path is relative and stays below its starting folder."""
    return path != "" and not path.startswith("/") and ".." not in path.split("/")


_SUBDIRECTORY = Key("a folder inside the source, without a leading / and without ..", is_inside)
#: Both are read from the root of the repository, also if only a subdirectory is packed.
_EXCLUDE = Key(
    "a list of patterns such as tests/, as .gitignore has them", lambda text: text != "", many=True
)
_INCLUDE = Key(
    "a list of patterns of what is never packed otherwise, such as .env",
    lambda text: text != "",
    many=True,
)
_SELECTION = {"exclude": _EXCLUDE, "include": _INCLUDE}
_LOCAL = "an absolute path on the controller, such as {{ inventory_dir }}/../../app"

KEYS: dict[str, dict[str, Key]] = {
    "git": {
        "url": Key("a git URL such as https://git.example.com/shop.git", _full(_GIT_URL), True),
        "version": Key("a tag, a branch or a commit, quoted", is_revision, True),
        "subdirectory": _SUBDIRECTORY,
        **_SELECTION,
    },
    "path": {
        "path": Key(_LOCAL, lambda text: text.startswith("/"), True),
        "subdirectory": _SUBDIRECTORY,
        **_SELECTION,
    },
    "archive": {
        "url": Key("a URL such as https://example.com/shop.tar.gz (or path)", _full(_URL)),
        "path": Key(f"{_LOCAL}.tar.gz (or url)", lambda text: text.startswith("/")),
        "checksum": Key("sha256: and 64 hexadecimal digits (required by url)", _full(_CHECKSUM)),
        "subdirectory": _SUBDIRECTORY,
        **_SELECTION,
    },
    "package": {
        "name": Key("the name of a Python package", _full(_PACKAGE), True),
        "version": Key('one exact version, quoted, such as "1.4.0"', _full(_PACKAGE_VERSION), True),
        "index": Key("the URL of a package index", _full(_URL)),
        "find_links": Key(
            "a URL, or an absolute path on the host",
            lambda text: text.startswith("/") or _URL.fullmatch(text) is not None,
        ),
        "extras": Key("a list of the package's extras", _full(_PACKAGE), many=True),
    },
}
"""The keys of each type of source, besides `type`."""


def source(value: object, findings: Findings) -> dict[str, object]:
    """Check where a release comes from, and return it with every key of its type.

    An optional text that is not set becomes empty, an optional list an empty list.
    """
    if not isinstance(value, dict):
        findings.refuse(seen(value), f"a mapping with type {_types()}")
        return {}
    type_ = value.get("type")
    if type_ is None:
        findings.refuse("not set", _types(), at=".type")
        return {}
    if not isinstance(type_, str) or type_ not in KEYS:
        findings.refuse(seen(type_), _types(), at=".type")
        return {}
    keys = KEYS[type_]
    for name in value:
        if name != "type" and name not in keys:
            findings.refuse(
                f"not a key of the type {type_}", _names(keys), "remove it", at=f".{name}"
            )
    normal: dict[str, object] = {"type": type_}
    for name, key in keys.items():
        normal[name] = _value(value.get(name), key, findings, f".{name}")
    if type_ == "archive":
        _check_archive(normal, findings)
    if not findings.problems:
        check_transport(normal, findings)
        _check_patterns(normal, findings)
    return normal


def _value(value: object, key: Key, findings: Findings, at: str) -> object:
    nothing: object = [] if key.many else ""
    if value is None or value == nothing:
        if key.required:
            findings.refuse("not set" if value is None else "empty", key.expected, at=at)
        return nothing
    if key.many:
        entries = value if isinstance(value, list) else None
        if entries is None or not all(isinstance(one, str) and key.valid(one) for one in entries):
            findings.refuse(seen(value), key.expected, at=at)
        return value
    if isinstance(value, (int, float)):
        findings.refuse(f"the number {seen(value)}", key.expected, 'put it in "quotes"', at=at)
    elif not isinstance(value, str) or not key.valid(value):
        findings.refuse(seen(value), key.expected, at=at)
    return value


def _check_archive(archive: dict[str, object], findings: Findings) -> None:
    if not archive["url"] and not archive["path"]:
        findings.refuse("without url and path", "one of them")
    if archive["url"] and archive["path"]:
        findings.refuse("set with both url and path", "one of them", "remove one")
    if archive["url"] and not archive["checksum"]:
        findings.refuse("not set", KEYS["archive"]["checksum"].expected, at=".checksum")
    if isinstance(archive["checksum"], str):
        archive["checksum"] = archive["checksum"].lower()


def _check_patterns(normal: dict[str, object], findings: Findings) -> None:
    for name in _SELECTION:
        lines = normal.get(name)
        try:
            Patterns(lines if isinstance(lines, list) else ())
        except PatternError as error:
            findings.refuse(seen(lines), _SELECTION[name].expected, str(error), at=f".{name}")


def check_source_files(normal: dict[str, object], findings: Findings) -> None:
    """Check that the `path` of a valid source exists on the controller, where this runs."""
    path = normal.get("path")
    if not isinstance(path, str) or not path:
        return
    if normal["type"] == "path" and not Path(path).is_dir():
        findings.refuse(seen(path), "a folder that exists on the controller", at=".path")
    elif normal["type"] == "archive" and not Path(path).is_file():
        findings.refuse(seen(path), "a file that exists on the controller", at=".path")
    below = normal.get("subdirectory")
    if normal["type"] == "path" and below and not (Path(path) / str(below)).is_dir():
        findings.refuse(seen(below), f"a folder of {path}", at=".subdirectory")


def _types() -> str:
    return f"{', '.join(TYPES[:-1])} or {TYPES[-1]}"


def _names(keys: dict[str, Key]) -> str:
    return ", ".join(["type", *keys])
