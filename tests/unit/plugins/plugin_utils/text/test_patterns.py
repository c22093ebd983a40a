"""Patterns: what git's own .gitignore leaves out of the same folder, asked of git itself."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.text.patterns import Patterns

FILES = (
    *("main.py", "keep", "data/a.csv", "data/b.csv", "data/deep/c.csv", "web/data/d.csv"),
    *("tests/test_a.py", "web/tests/b.py", "web/tests", "foo/foo", "foo/bar/baz", "a b", "#x"),
    *("docs/a.md", "docs/x/y/z.md", "web/static/app.js", "web/static/app.js.map", "!odd"),
)


@pytest.mark.parametrize(
    "lines",
    [
        ["tests/"],
        ["tests"],
        ["/tests/"],
        ["/data/*.csv"],
        ["data/*.csv"],
        ["*.csv", "!/data/a.csv"],
        ["data/**", "!data/a.csv"],
        ["/data/", "!/data/a.csv"],
        ["**/data/"],
        ["web/**/tests"],
        ["docs/**/z.md"],
        ["*", "!*/", "!*.py"],
        ["*/"],
        ["/*", "!/web"],
        ["/*", "!/web/", "/web/*", "!/web/static/"],
        ["foo"],
        ["foo/"],
        ["foo/*", "!foo/bar"],
        ["*.js.map", "*.[cm]?[!a]"],
        ["a\\ b", "\\#x", "\\!odd"],
        ["a b   "],
        ["# main.py", "", "keep"],
        ["main.py", "!main.py"],
        ["./main.py"],
        ["MAIN.PY"],
    ],
)
def test_patterns_leave_out_what_git_leaves_out(lines: list[str], tmp_path: Path) -> None:
    for name in FILES:
        path = tmp_path / name
        if not path.is_dir():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    (tmp_path / ".git").mkdir()
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    (tmp_path / ".git" / "info" / "exclude").write_text("\n".join(lines) + "\n")
    told = subprocess.run(
        ["git", "-C", str(tmp_path), "ls-files", "-z", "--others", "--exclude-standard"],
        env={**os.environ, "GIT_CONFIG_GLOBAL": os.devnull},
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert kept(Patterns(lines), tmp_path, tmp_path) == sorted(filter(None, told.split("\0")))


def kept(patterns: Patterns, root: Path, folder: Path) -> list[str]:
    """Ask from the top down, as whoever packs does."""
    found = []
    for path in folder.iterdir():
        name = str(path.relative_to(root))
        if name == ".git" or patterns.matches(name, folder=path.is_dir()):
            continue
        found += kept(patterns, root, path) if path.is_dir() else [name]
    return sorted(found)


def test_patterns_tell_which_of_them_did_nothing() -> None:
    patterns = Patterns(["*.csv", "tets/", "# a comment", "", "!keep.csv", "!never"])
    assert patterns.matches("a.csv")
    assert not patterns.matches("keep.csv")
    assert patterns.unused == ["tets/", "!never"]
