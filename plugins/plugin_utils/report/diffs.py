"""The diff of a fleet: what several hosts have alike is shown once, and what is new shortly.

Ansible prints the diff of every host, and a fleet's hosts differ in little. Each host's task is a
process of its own, so what was shown is kept in a folder of the run on the controller.
"""

from __future__ import annotations

import contextlib
import difflib
import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: A new file of more lines is shown by its first ones.
SHORT = 20
HEAD = 8
HOW = "-v shows all of it"


@dataclass(frozen=True)
class Shown:
    """What the run has shown so far.

    Attributes:
        folder: Of the run, on the controller.
    """

    folder: Path

    def first(self, key: str, told: Mapping[str, Any]) -> dict[str, Any]:
        """Return what was told first under a key: this, or what another host told before."""
        name = f"asgi-fleet-diff-{hashlib.sha256(key.encode()).hexdigest()}"
        path = self.folder / name
        own = self.folder / f"{name}-{os.getpid()}"
        try:
            own.write_text(json.dumps(told), encoding="utf-8")
            # There as a whole or not at all: another process never reads half of it.
            with contextlib.suppress(FileExistsError):
                path.hardlink_to(own)
            own.unlink()
            known: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except OSError:
            # Without the folder, each host's diff is shown.
            return dict(told)
        return known


def condensed(
    diffs: Iterable[Mapping[str, Any]], host: str, shown: Shown, *, whole: bool = False
) -> list[dict[str, Any]]:
    """Return a host's diff without what other hosts have shown.

    Args:
        diffs: Ansible's diffs of files: `before`, `after` and their headers.
        host: The host's name.
        shown: What the run has shown.
        whole: Show all of it.
    """
    if whole:
        return [dict(one) for one in diffs]
    return [_condensed(one, host, shown) for one in diffs]


def _condensed(one: Mapping[str, Any], host: str, shown: Shown) -> dict[str, Any]:
    if isinstance(one.get("prepared"), str) and one["prepared"].strip():
        # Of apt: what it would do.
        same = shown.first(one["prepared"], {"host": host})
        return dict(one) if same["host"] == host else {"prepared": f"as on {same['host']}\n"}
    if not isinstance(one.get("before"), str) or not isinstance(one.get("after"), str):
        return dict(one)
    path = str(one.get("after_header", ""))
    changed = _changed(one["before"], one["after"])
    if not changed:
        return dict(one)
    same = shown.first(f"same {path}\n{''.join(changed)}", {"host": host})
    if same["host"] != host:
        return {"prepared": f"{path}: as on {same['host']}\n"}
    if one["before"]:
        return dict(one)
    other = shown.first(f"new {path}", {"host": host, "after": one["after"]})
    if other["host"] == host:
        return _new(path, one["after"])
    between = _between(other, one["after"], host)
    # A file of its own is shown as such.
    if len(between) > SHORT:
        return _new(path, one["after"])
    return {"prepared": "".join([f"{path}: as on {other['host']}, but for\n", *between])}


def _changed(before: str, after: str) -> list[str]:
    """Return the lines that go and come; where they are may differ between hosts."""
    lines = difflib.unified_diff(before.splitlines(True), after.splitlines(True), n=0)
    return [line for line in list(lines)[2:] if not line.startswith("@@")]


def _between(other: Mapping[str, Any], after: str, host: str) -> list[str]:
    lines = difflib.unified_diff(
        other["after"].splitlines(True), after.splitlines(True), other["host"], host, n=0
    )
    return [line if line.endswith("\n") else f"{line}\n" for line in lines]


def _new(path: str, after: str) -> dict[str, Any]:
    """Return a new file: its first lines, if it is long."""
    lines = after.splitlines(True)
    if len(lines) <= SHORT:
        return {"before_header": path, "after_header": path, "before": "", "after": after}
    head = "".join(f"+{line}" for line in lines[:HEAD])
    rest = len(lines) - HEAD
    return {"prepared": f"+++ new: {path}\n{head}... and {rest} more lines; {HOW}\n"}
