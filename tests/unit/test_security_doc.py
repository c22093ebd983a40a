"""docs/security.md names tests and files; each is there, so that the page cannot promise more."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
#: Where tests are that the page names without a folder.
TRUST = "molecule/trust"
#: A file that holds something, by its path, or by its end where a path before it has the rest.
FILES = re.compile(r"`((?:[a-z_]+/)+[\w.]+\.(?:py|yml|j2))`")
TESTS = re.compile(r"`([\w./]+)::([^`]+)`")


@pytest.mark.parametrize(("file", "name"), sorted(set(TESTS.findall(PAGE))))
def test_test_that_the_page_names_exists(file: str, name: str) -> None:
    path = ROOT / (file if "/" in file else f"{TRUST}/{file}")
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".yml":
        assert f"- name: {name}\n" in text
    else:
        assert re.search(rf"^def {re.escape(name)}\(", text, re.MULTILINE)


@pytest.mark.parametrize("file", sorted(set(FILES.findall(PAGE))))
def test_file_that_the_page_names_exists(file: str) -> None:
    assert (ROOT / file).is_file() or (ROOT / "plugins" / "module_utils" / file).is_file()


def test_each_threat_has_a_test_and_something_left_open() -> None:
    rows = [row.strip("|").split(" | ") for row in PAGE.splitlines() if row.startswith("| **")]
    assert len(rows) == 8
    for who, held, shown, left in rows:
        assert FILES.search(held), who
        assert TESTS.search(shown), who
        assert left.strip(" |"), who
