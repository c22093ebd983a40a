"""Links of a source: followed as the kernel would, none may lead out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.entries import (
    Entry,
    SourceError,
    check_links,
)


def tree(**links: str) -> list[Entry]:
    """A tree with two files and links; `__` stands for a slash in a name."""
    found = [Entry("web/static/app.js"), Entry("main.py")]
    return found + [Entry(name.replace("__", "/"), link=target) for name, target in links.items()]


@pytest.mark.parametrize(
    ("links", "culprit"),
    [
        ({"a": "/etc/passwd"}, "a"),
        ({"a": ".."}, "a"),
        ({"web__a": "../../etc"}, "web/a"),
        ({"a": "b", "b": "../../etc"}, "a"),
        # Each is inside as it is written.
        ({"a": "web/static", "b": "a/../../.."}, "b"),
        ({"deep": "web/static", "web__static__up": "../..", "out": "deep/up/../x"}, "out"),
        ({"a": "b/../../x", "b": "web"}, "a"),
        ({"a": "a"}, "a"),
        ({"a": "b", "b": "a"}, "a"),
        ({"a": "b/x", "b": "/"}, "a"),
    ],
)
def test_link_that_leads_out_is_refused(links: dict[str, str], culprit: str) -> None:
    with pytest.raises(SourceError, match=f"the source's {culprit} links to .*, outside of it"):
        check_links(tree(**links))


@pytest.mark.parametrize(
    "links",
    [
        {"a": "main.py"},
        {"a": "web", "b": "a/static/../../main.py"},
        {"web__a": "../main.py", "c": "web/a"},
        {"a": "not/there"},
        {"a": "./web//static/."},
        {"a": "b", "b": "c", "c": "web"},
    ],
)
def test_link_that_stays_inside_is_kept(links: dict[str, str], tmp_path: Path) -> None:
    check_links(tree(**links))
    # As the kernel says.
    for entry in tree(**links):
        path = tmp_path / "root" / entry.path
        path.parent.mkdir(parents=True, exist_ok=True)
        if entry.link:
            path.symlink_to(entry.link)
        else:
            path.touch()
    for name in links:
        resolved = os.path.realpath(tmp_path / "root" / name.replace("__", "/"))
        assert resolved.startswith(f"{tmp_path}/root")


def test_file_below_a_link_is_refused() -> None:
    with pytest.raises(SourceError, match=r"^the source's a/x/y is below a, which is a link"):
        check_links([*tree(a="web"), Entry("a/x/y")])


def test_file_below_a_file_is_refused() -> None:
    with pytest.raises(
        SourceError, match=r"^the source's main.py/x is below main.py, which is a f"
    ):
        check_links([*tree(), Entry("main.py/x")])
