"""Builds the documentation as a site, in .cache/site/html: `make site`.

The pages of docs/ and the READMEs are the sources. Their links are written for the repository as it
is shown by a code host; here each becomes the link of the site:

    to another page             the page
    to a file beside a page     the file (docs/images, docs/ci)
    to any other file           the file in the repository that galaxy.yml names

Zensical makes HTML of the pages. The pages of the plugins are antsibull-docs' (`make docs-site`).
What comes out is checked as a whole: each link leads to a page that is there, and to a section that
is there; and no page loads anything from elsewhere, so that the site works without a network and
tells nobody who reads it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

import yaml

ROOT = Path(__file__).resolve().parent.parent
SETTINGS = ROOT / "tools" / "docsite" / "site.yml"
PLUGIN_PAGES = ROOT / ".cache" / "docs" / "html"
SITE = ROOT / ".cache" / "site"
ZENSICAL = ROOT / ".venv-docs" / "bin" / "zensical"

#: A code span, or the target of a link or an image.
_LINK = re.compile(
    r"(?P<code>(?P<ticks>`+).*?(?P=ticks))|(?P<before>\]\()(?P<target>[^\s()]+)(?=\))"
)
#: A block by a fence ends with the same fence; one by indentation begins after an empty line.
_FENCE = re.compile(r"^ *(`{3,}|~{3,})")
_OUTSIDE = re.compile(r"^(?:[a-z][a-z0-9+.-]*:|//)", re.IGNORECASE)
#: What a style sheet loads: from elsewhere, it begins with a scheme or two slashes.
_LOADED_BY_STYLE = re.compile(r"(?:url\(|@import\s)\s*[\"']?((?:https?:)?//[^\"')\s]+)")
#: Attributes whose address a browser loads without being asked; of `link`, those of these kinds.
_LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "object": "data"}
_LOADED_LINKS = {"stylesheet", "preconnect", "dns-prefetch", "preload", "icon", "modulepreload"}


class SiteError(Exception):
    """The site cannot be built; the text says why, one problem a line."""


@dataclass(frozen=True)
class Layout:
    """Which files are pages, and where each is in the site.

    Attributes:
        pages: Paths of the pages in the repository.
        repository: Address of the repository, without a slash at the end.
        root: The repository's folder.
    """

    pages: frozenset[str]
    repository: str
    root: Path = ROOT

    def place(self, path: str) -> str:
        """Return where a page, or a file beside one, is in the site."""
        at = PurePosixPath(path)
        if at.parts[0] == "docs":
            return str(at.relative_to("docs"))
        if at.parts[0] == "roles":
            return f"roles/{at.parts[1]}.md"
        # Not README.md, which would be the index of its folder.
        return f"repository/{'-'.join(at.parts).lower()}"

    def link(self, page: str, target: str) -> str:
        """Return the target of a link, as the site has it.

        Args:
            page: Path of the page that has the link.
            target: The target, as it is written there.

        Raises:
            SiteError: There is no such file.
        """
        path, _, anchor = target.partition("#")
        if not path or _OUTSIDE.match(target):
            return target
        found = os.path.normpath(PurePosixPath(page).parent / unquote(path))
        if found.startswith("..") or not (self.root / found).exists():
            raise SiteError(f"{page} has a link to {target}; expected a file of the repository")
        anchor = f"#{anchor}" if anchor else ""
        if found in self.pages or (found.startswith("docs/") and (self.root / found).is_file()):
            here = PurePosixPath(self.place(page)).parent
            return os.path.relpath(self.place(found), here) + anchor
        kind = "tree" if (self.root / found).is_dir() else "blob"
        return f"{self.repository}/{kind}/main/{found}{anchor}"


def outside_code(text: str, change: Callable[[str], str]) -> str:
    """Return a page whose lines are changed, but for its blocks of code."""
    lines: list[str] = []
    fence, after_empty, indented = "", True, False
    for line in text.split("\n"):
        found = _FENCE.match(line)
        if fence:
            lines.append(line)
            fence = "" if line.strip() == fence else fence
            continue
        indented = line.startswith("    ") and (after_empty or indented)
        if found:
            fence = found[1]
        lines.append(line if found or indented else change(line))
        after_empty = not line.strip()
        indented = indented or (after_empty and indented)
    return "\n".join(lines)


def links(text: str) -> Iterator[str]:
    """Yield the targets of a page's links and images, as they are written there."""
    found: list[str] = []

    def look(line: str) -> str:
        found.extend(match["target"] for match in _LINK.finditer(line) if match["target"])
        return line

    outside_code(text, look)
    yield from found


def page_of(layout: Layout, page: str, text: str) -> str:
    """Return a page with the links of the site.

    Raises:
        SiteError: Links lead nowhere.
    """
    problems: list[str] = []

    def one(match: re.Match[str]) -> str:
        if match["code"]:
            return match["code"]
        try:
            return match["before"] + layout.link(page, match["target"])
        except SiteError as problem:
            problems.append(str(problem))
            return match[0]

    changed = outside_code(text, lambda line: _LINK.sub(one, line))
    if problems:
        raise SiteError("\n".join(problems))
    return changed


def pages_of(nav: object) -> Iterator[str]:
    """Yield the paths in a menu, in their order."""
    if isinstance(nav, str):
        yield nav
    elif isinstance(nav, Mapping):
        for entry in nav.values():
            yield from pages_of(entry)
    elif isinstance(nav, Iterable):
        for entry in nav:
            yield from pages_of(entry)


def menu(layout: Layout, nav: Any) -> Any:  # noqa: ANN401 - as YAML has it
    """Return a menu with the places of its pages in the site."""
    if isinstance(nav, str):
        return layout.place(nav) if nav in layout.pages else nav
    if isinstance(nav, Mapping):
        return {title: menu(layout, entry) for title, entry in nav.items()}
    return [menu(layout, entry) for entry in nav]


def read_settings(path: Path = SETTINGS) -> dict[str, Any]:
    """Return the settings of the site."""
    settings: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return settings


def layout_of(settings: Mapping[str, Any], root: Path = ROOT) -> Layout:
    """Return where the pages are that a menu names.

    Raises:
        SiteError: The menu names a page that does not exist.
    """
    named = {path for path in pages_of(settings["nav"]) if path.endswith(".md")}
    if missing := sorted(path for path in named if not (root / path).is_file()):
        raise SiteError(
            "\n".join(f"tools/docsite/site.yml names {path}; expected a file" for path in missing)
        )
    galaxy = yaml.safe_load((root / "galaxy.yml").read_text(encoding="utf-8"))
    return Layout(frozenset(named), galaxy["repository"], root)


def stage(layout: Layout, settings: Mapping[str, Any], folder: Path) -> None:
    """Write the pages, what lies beside them, and the settings, for Zensical.

    Raises:
        SiteError: Links lead nowhere.
    """
    shutil.rmtree(folder / "pages", ignore_errors=True)
    problems: list[str] = []
    for page in sorted(layout.pages):
        target = folder / "pages" / layout.place(page)
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            text = page_of(layout, page, (layout.root / page).read_text(encoding="utf-8"))
        except SiteError as problem:
            problems.append(str(problem))
        else:
            target.write_text(text, encoding="utf-8")
    if problems:
        raise SiteError("\n".join(problems))
    for path in sorted((layout.root / "docs").rglob("*")):
        name = str(path.relative_to(layout.root))
        if path.is_file() and path.suffix != ".md" and not name.startswith("docs/docsite/"):
            target = folder / "pages" / layout.place(name)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    config = {**settings, "nav": menu(layout, settings["nav"])}
    (folder / "mkdocs.yml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")


@dataclass
class Document(HTMLParser):
    """What one HTML page has: its sections, its links, and what a browser loads for it."""

    text: str
    sections: set[str] = field(default_factory=set)
    links: set[str] = field(default_factory=set)
    loaded: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what a tag has."""
        values = {name: value or "" for name, value in attrs}
        self.sections |= {values[name] for name in ("id", "name") if values.get(name)}
        if tag == "a" and "href" in values:
            self.links.add(values["href"])
        if tag == "link" and _LOADED_LINKS & set(values.get("rel", "").split()):
            self.loaded.add(values.get("href", ""))
        if tag in _LOADED and values.get(_LOADED[tag]):
            self.loaded.add(values[_LOADED[tag]])
        self.loaded.update(_LOADED_BY_STYLE.findall(values.get("style", "")))
        if "mermaid" in values.get("class", "").split():
            self.loaded.add("https://unpkg.com/mermaid (which the theme loads for a diagram)")


@dataclass
class Built:
    """A site as it was built.

    Attributes:
        folder: Where it is.
    """

    folder: Path

    @cached_property
    def documents(self) -> dict[str, Document]:
        """The pages, by their paths."""
        return {
            str(path.relative_to(self.folder)): Document(path.read_text(encoding="utf-8"))
            for path in sorted(self.folder.rglob("*.html"))
        }

    def problems(self) -> Iterator[str]:
        """Yield each link that leads nowhere, and each thing that is loaded from elsewhere."""
        for page, document in self.documents.items():
            for link in sorted(document.links | document.loaded):
                if _OUTSIDE.match(link):
                    if link in document.loaded and not link.startswith("data:"):
                        yield f"{page} loads {link}; expected nothing from elsewhere"
                elif problem := self._broken(page, link):
                    yield f"{page} has a link to {link}; {problem}"
        for style in sorted(self.folder.rglob("*.css")):
            for loaded in _LOADED_BY_STYLE.findall(style.read_text(encoding="utf-8")):
                name = style.relative_to(self.folder)
                yield f"{name} loads {loaded}; expected nothing from elsewhere"

    def _broken(self, page: str, link: str) -> str:
        """Return what is wrong with a link within the site; empty if nothing is."""
        parts = urlsplit(link)
        # The page for what is not found serves at any depth, so its links begin at the root.
        base = self.folder if link.startswith("/") else (self.folder / page).parent
        path = base / unquote(parts.path).lstrip("/") if parts.path else self.folder / page
        path = Path(os.path.normpath(path))
        if path.is_dir():
            path /= "index.html"
        if not path.is_file():
            return "there is no such file"
        section = unquote(parts.fragment)
        name = str(path.relative_to(self.folder)) if path.is_relative_to(self.folder) else ""
        target = self.documents.get(name)
        if section and target and section not in target.sections and section != "__skip":
            return "that page has no such section"
        return ""


def build(folder: Path = SITE) -> None:
    """Build the site.

    Raises:
        SiteError: It cannot be built, or has links that lead nowhere.
    """
    settings = read_settings()
    layout = layout_of(settings)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    stage(layout, settings, folder)
    made = subprocess.run(
        [ZENSICAL, "build", "--strict", "--config-file", folder / "mkdocs.yml"],
        capture_output=True,
        text=True,
        env={**os.environ, "NO_COLOR": "1"},
        check=False,
    )
    if made.returncode:
        raise SiteError(
            made.stdout.partition("Traceback")[0] + made.stderr.partition("Traceback")[0]
        )
    shutil.copytree(
        PLUGIN_PAGES,
        folder / "html" / "plugins",
        ignore=shutil.ignore_patterns(".*", "_sources", "objects.inv"),
    )
    if problems := list(Built(folder / "html").problems()):
        raise SiteError("\n".join(problems))


def main() -> int:
    """Build the site and say where it is; return the exit status."""
    start = time.monotonic()
    try:
        build()
    except SiteError as problem:
        print(problem, file=sys.stderr)
        return 1
    number = len(Built(SITE / "html").documents)
    print(f"{number} pages in {time.monotonic() - start:.1f} s: {SITE / 'html' / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
