"""Checks of the variables that say how a project is installed."""

from __future__ import annotations

import posixpath
import re
from typing import TypedDict

from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import Findings, seen

#: Keys of `app_dependencies`.
KEYS = ("file", "extras", "groups")
#: Names of extras and groups (PEP 685, PEP 735).
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_EXAMPLE = "{file: requirements/production.txt, extras: [server]}"


class Dependencies(TypedDict):
    """`app_dependencies` in its normal form."""

    file: str
    extras: list[str]
    groups: list[str]


def dependencies(value: object, findings: Findings) -> Dependencies:
    """Check which file names the dependencies, and what of it is installed."""
    normal = Dependencies(file="auto", extras=[], groups=[])
    if not isinstance(value, dict):
        todo = f"write {{file: {value}}}" if isinstance(value, str) and value else ""
        findings.refuse(seen(value), f"a mapping such as {_EXAMPLE}", todo)
        return normal
    for key in value:
        if key not in KEYS:
            findings.refuse(seen(key), f"one of {', '.join(KEYS)}", at=" (a key)")
    file = value.get("file", "auto")
    if isinstance(file, str) and file and "\n" not in file and not file.startswith("/"):
        normal["file"] = posixpath.normpath(file)
    else:
        expected = "auto, none or the path of a file, from the project's folder"
        findings.refuse(seen(file), expected, at=".file")
    normal["extras"] = _names(value.get("extras", []), findings, ".extras")
    normal["groups"] = _names(value.get("groups", []), findings, ".groups")
    return normal


def _names(value: object, findings: Findings, at: str) -> list[str]:
    names: dict[str, None] = {}
    for name in value if isinstance(value, list) else [value]:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            findings.refuse(seen(name), "a list of names, such as [server]", at=at)
            return []
        names[name] = None
    return list(names)


def package(value: object, findings: Findings) -> str:
    """Check whether the project itself is built; on the command line, true is a text."""
    told = str(value).lower()
    normal = {"yes": "true", "no": "false"}.get(told, told)
    if normal not in ("auto", "true", "false"):
        findings.refuse(seen(value), "auto, true or false")
    return normal
