"""Write `app_workers` into a host's own file of variables, and leave everything else as it is.

Ansible would read and write YAML without its comments: the line is edited as text, and what comes
of it is read again.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

VARIABLE = "app_workers"
VAULT = "$ANSIBLE_VAULT"
#: Names that Ansible reads for a host (`vars_plugins/host_group_vars`), in the order of preference.
ENDINGS = (".yml", ".yaml", "", ".json")
_LINE = re.compile(
    rf"^(?P<name>{VARIABLE}[ \t]*:[ \t]*)(?P<value>[^#\n]*?)(?P<rest>[ \t]*(?:#.*)?)$", re.M
)


def defining(folder: Path, host: str) -> list[Path]:
    """Return the files of a folder `host_vars` that set `app_workers` for a host."""
    return [path for path in _files(folder, host) if _LINE.search(_text(path))]


def _files(folder: Path, host: str) -> list[Path]:
    found = [folder / f"{host}{ending}" for ending in ENDINGS]
    return [path for path in found if path.is_file()] + _inside(folder, host)


def _inside(folder: Path, host: str) -> list[Path]:
    return sorted(
        path
        for path in (folder / host).rglob("*")
        if path.is_file() and path.suffix in ENDINGS and not path.name.startswith(".")
    )


def host_file(folder: Path, host: str) -> Path:
    """Return the file for a variable of a host: the one that is there, or a new one.

    Args:
        folder: `host_vars`.
        host: Its name in the inventory.

    Raises:
        ValueError: There are several, or it cannot be edited.
    """
    setting = defining(folder, host)
    if len(setting) > 1:
        raise ValueError(
            f"{VARIABLE} is set in {' and '.join(map(str, setting))}; expected one place; "
            "remove it from all but one"
        )
    if setting:
        return setting[0]
    if _inside(folder, host):
        return folder / host / f"{VARIABLE}.yml"
    there = _files(folder, host)
    # An encrypted file stays what it is.
    plain = [path for path in there if not _text(path).startswith(VAULT)]
    if there and not plain:
        raise ValueError(f"{there[0]} is encrypted by ansible-vault; expected a plain file")
    return plain[0] if plain else folder / f"{host}.yml"


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def with_workers(text: str, workers: int, comment: str) -> str:
    """Return a file of variables with `app_workers`, everything else as it was.

    Args:
        text: The file; empty for a new one.
        workers: The value.
        comment: What stands above a line that is new.

    Raises:
        ValueError: It cannot be edited safely; with the reason.
    """
    if text.startswith(VAULT):
        raise ValueError("it is encrypted by ansible-vault")
    before = _mapping(text)
    lines = list(_LINE.finditer(text))
    if len(lines) > 1 or (VARIABLE in before) != bool(lines):
        raise ValueError(f"{VARIABLE} does not stand in it as one plain line")
    if lines:
        line = lines[0]
        new = f"{line['name'].rstrip()} {workers}{line['rest']}"
        changed = text[: line.start()] + new + text[line.end() :]
    else:
        start = text if text.strip() else "---\n"
        start += "" if start.endswith("\n") else "\n"
        changed = f"{start}# {comment}\n{VARIABLE}: {workers}\n"
    if _mapping(changed) != {**before, VARIABLE: workers}:
        raise ValueError(f"{VARIABLE} cannot be set in it by one plain line")
    return changed


class _Loader(yaml.SafeLoader):
    """Reads what Ansible reads; a value with a tag of its own stays unread."""


_Loader.add_multi_constructor("!", lambda _loader, tag, node: (tag, str(node.value)))


def _mapping(text: str) -> dict[str, Any]:
    try:
        found = yaml.load(text, Loader=_Loader)  # noqa: S506 (a SafeLoader)
    except yaml.YAMLError as error:
        raise ValueError(f"it is no YAML: {' '.join(str(error).split())}") from None
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise ValueError("it is no mapping of variables")
    return found
