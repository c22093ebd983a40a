"""Inventories that are odd: each works, or one sentence says what is wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
EMPTY = "the group app is empty; expected at least one host that serves the application; "


def check(folder: Path, text: str, *arguments: str) -> tuple[int, str]:
    """Check an inventory; return the status, and what was printed as one line."""
    (folder / "hosts.yml").write_text(text)
    ended = subprocess.run(
        [BIN / "ansible-playbook", ROOT / "playbooks" / "check.yml", "-i", "hosts.yml", *arguments],
        cwd=folder,
        env=os.environ | {"ANSIBLE_NOCOLOR": "1", "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return ended.returncode, " ".join((ended.stdout + ended.stderr).split())


@pytest.mark.parametrize(
    ("text", "arguments", "sentence"),
    [
        ("app: {hosts: {}}\n", (), EMPTY),
        ("app:\n  hosts:\n", (), EMPTY),
        ("app:\n  children: {web: {}}\n", (), EMPTY),
        ("web: {hosts: {web1: {}}}\n", (), EMPTY),
        ("App: {hosts: {web1: {}}}\n", (), EMPTY),
        ("app: {hosts: {web1: {}}}\n", ("--limit", "web9"), "leaves us with no hosts to target"),
        ("app: {hosts: {web1: {}}}\n", ("--limit", "!app"), "leaves us with no hosts to target"),
        ("app: [web1]\n", (), EMPTY),
        ("app: {hosts: {web1: {}}\n", (), "Failed to parse inventory"),
    ],
    ids=[
        "empty",
        "no value",
        "children without hosts",
        "no group",
        "upper case",
        "limit to nobody",
        "limit to none of app",
        "a list",
        "no YAML",
    ],
)
def test_inventory_is_refused_in_a_sentence(
    text: str, arguments: tuple[str, ...], sentence: str, tmp_path: Path
) -> None:
    status, told = check(tmp_path, text, *arguments)
    assert sentence in told, told
    assert status != 0, told
    assert "Traceback" not in told
