"""What docs/backups.md tells operators to write, as it stands there."""

from __future__ import annotations

import re
import shlex
import textwrap
from typing import Any

import yaml
from events import ROOT

_PAGE = (ROOT / "docs" / "backups.md").read_text("utf-8")
#: The backup in the commands of the page.
_EXAMPLE = re.compile(r"/var/backups/shop/[0-9]{8}T[0-9]{6}Z")


def _section(title: str) -> str:
    return _PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def settings(title: str) -> dict[str, Any]:
    """Return the variables that a section sets: its indented lines."""
    lines = [line for line in _section(title).splitlines() if line.startswith("    ")]
    found: dict[str, Any] = yaml.safe_load(textwrap.dedent("\n".join(lines)))
    return found


def restore_postgresql(folder: str) -> list[str]:
    """Return the arguments of `playbooks/run.yml` that restore a backup of `op1`, by its folder."""
    text = _section("Restore").replace("\\\n", " ")
    (line,) = (line for line in text.splitlines() if "playbooks/run.yml" in line)
    return shlex.split(_EXAMPLE.sub(folder, line).replace("--limit web1", "--limit op1"))[2:]


def restore_sqlite(folder: str) -> str:
    """Return the command for `playbooks/run.yml` that restores a folder's backup."""
    (command,) = re.findall(r"`(sqlite3 [^`]*\.restore[^`]*)`", _section("Restore"))
    return _EXAMPLE.sub(folder, command)
