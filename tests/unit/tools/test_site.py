"""The links of the documentation's site, and the check of what was built."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.site import Built, Layout, SiteError, layout_of, links, menu, page_of, stage

CODE_HOST = "https://code.example.com/fleet"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    for path in ("docs/a.md", "docs/images/a.svg", "roles/r/README.md", "README.md", "app/main.py"):
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"# {path}\n")
    return Layout(frozenset({"docs/a.md", "roles/r/README.md", "README.md"}), CODE_HOST, tmp_path)


@pytest.mark.parametrize(
    ("page", "target", "expected"),
    [
        ("docs/a.md", "#part", "#part"),
        ("docs/a.md", "https://example.com/a.md", "https://example.com/a.md"),
        ("docs/a.md", "mailto:a@example.com", "mailto:a@example.com"),
        ("docs/a.md", "images/a.svg", "images/a.svg"),
        ("docs/a.md", "../README.md#https", "repository/readme.md#https"),
        ("docs/a.md", "../roles/r/README.md", "roles/r.md"),
        ("roles/r/README.md", "../../docs/a.md#part", "../a.md#part"),
        ("README.md", "docs/a.md", "../a.md"),
        ("docs/a.md", "../app/main.py#L1", f"{CODE_HOST}/blob/main/app/main.py#L1"),
        ("docs/a.md", "../app/", f"{CODE_HOST}/tree/main/app"),
    ],
)
def test_link_of_the_repository_becomes_one_of_the_site(
    layout: Layout, page: str, target: str, expected: str
) -> None:
    assert layout.link(page, target) == expected


@pytest.mark.parametrize("target", ["b.md", "../../outside.md", "../app/other.py#L1"])
def test_link_to_no_file_is_refused(layout: Layout, target: str) -> None:
    with pytest.raises(SiteError, match=r"docs/a\.md has a link to .*; expected a file"):
        layout.link("docs/a.md", target)


PAGE = """\
See [x](../README.md), `[code](../README.md)` and ![picture](images/a.svg).

    [block](../README.md)

    [still](../README.md)

- point
  [continued](../README.md)

```text
[fenced](../README.md)
```
"""


def test_links_are_changed_outside_of_code_alone(layout: Layout) -> None:
    assert list(links(PAGE)) == ["../README.md", "images/a.svg", "../README.md"]
    changed = page_of(layout, "docs/a.md", PAGE)
    assert changed.count("(repository/readme.md)") == 2
    assert "`[code](../README.md)`" in changed
    assert "    [block](../README.md)" in changed
    assert "    [still](../README.md)" in changed
    assert "[fenced](../README.md)" in changed


def test_all_broken_links_of_a_page_are_told(layout: Layout) -> None:
    with pytest.raises(SiteError) as refused:
        page_of(layout, "docs/a.md", "[a](x.md) and [b](y.md)")
    assert str(refused.value).count("expected a file of the repository") == 2


def test_menu_names_places_in_the_site(layout: Layout) -> None:
    nav = ["docs/a.md", {"Roles": ["roles/r/README.md"]}, {"Plugins": "plugins/index.html"}]
    expected = ["a.md", {"Roles": ["roles/r.md"]}, {"Plugins": "plugins/index.html"}]
    assert menu(layout, nav) == expected


def test_menu_with_a_page_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SiteError, match=r"names docs/gone\.md; expected a file"):
        layout_of({"nav": ["docs/gone.md"]}, tmp_path)


def test_what_lies_beside_the_pages_is_staged(layout: Layout, tmp_path: Path) -> None:
    stage(layout, {"site_name": "x", "nav": ["docs/a.md"]}, tmp_path / "site")
    assert (tmp_path / "site/pages/images/a.svg").is_file()
    assert (tmp_path / "site/pages/a.md").is_file()
    assert "- a.md" in (tmp_path / "site/mkdocs.yml").read_text()


@pytest.mark.parametrize(
    ("html", "problem"),
    [
        ('<a href="b.html">', ""),
        ('<a href="b.html#there">', ""),
        ('<a href="/b.html#there">', ""),
        ('<a href="https://example.com/">', ""),
        ('<img src="data:image/gif;base64,R0">', ""),
        ('<link rel="canonical" href="https://example.com/">', ""),
        ('<a href="c.html">', "there is no such file"),
        ('<a href="b.html#gone">', "that page has no such section"),
        ('<a href="#gone">', "that page has no such section"),
        ('<img src="c.png">', "there is no such file"),
        ('<script src="https://cdn.example.com/x.js"></script>', "expected nothing from elsewhere"),
        ('<script src="//cdn.example.com/x.js"></script>', "expected nothing from elsewhere"),
        ('<link rel="stylesheet" href="https://example.com/x.css">', "nothing from elsewhere"),
        ('<link rel="preconnect" href="https://example.com">', "nothing from elsewhere"),
        ('<p style="background: url(https://example.com/x.png)">', "nothing from elsewhere"),
        ('<pre class="mermaid">', "nothing from elsewhere"),
    ],
)
def test_what_was_built_is_checked(tmp_path: Path, html: str, problem: str) -> None:
    (tmp_path / "a.html").write_text(html)
    (tmp_path / "b.html").write_text('<h2 id="there">')
    found = list(Built(tmp_path).problems())
    assert len(found) == bool(problem)
    assert all(problem in one for one in found)


@pytest.mark.parametrize("rule", ["@import '//example.com/x.css'", "a {b: url(https://e.com/f)}"])
def test_a_style_sheet_that_loads_from_elsewhere_is_found(tmp_path: Path, rule: str) -> None:
    (tmp_path / "x.css").write_text(rule)
    assert [one for one in Built(tmp_path).problems() if "expected nothing from elsewhere" in one]
