"""What holds for every page: its links, its commands and its place in the menu of the site."""

from __future__ import annotations

import itertools
import re
import shlex
from pathlib import Path

import pytest
import yaml

from tests import operations
from tests.pages import DOCS, ROOT, commands, messages, scripts
from tools.site import links, pages_of, read_settings

MENU = list(pages_of(read_settings()["nav"]))
PAGES = sorted(
    {
        ROOT / "SECURITY.md",
        *DOCS.glob("*.md"),
        *(ROOT / path for path in MENU if path[-3:] == ".md"),
    }
)
#: What a block of commands may begin with, besides Ansible's own.
ANSIBLE = ("ansible-playbook",)

#: Pages whose blocks marked `sh` molecule/quick_start types, all of them.
TYPED = {"quick-start.md"}
#: Commands of the pages below that no test runs as they stand there, and why.
PAGES_WITH_COMMANDS = ("index.md", "concepts.md", "coming-from.md", "faq.md", "ci.md", "secrets.md")
EXCUSED = {
    "ansible-playbook playbooks/rollback.yml -e release=<id>": "molecule/operations, with an id",
}


def title(path: Path) -> str:
    return str(path.relative_to(ROOT))


def anchors(page: Path) -> set[str]:
    """The sections of a page, as code hosts name them."""
    text = re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    found: set[str] = set()
    for heading in re.findall(r"^#{1,6} (.+)$", text, re.MULTILINE):
        shown = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
        slug = re.sub(r"[^\w\- ]", "", shown.strip().lower()).replace(" ", "-")
        number = 0
        while (name := f"{slug}-{number}" if number else slug) in found:
            number += 1
        found.add(name)
    return found


@pytest.mark.parametrize("page", PAGES, ids=title)
def test_links_lead_to_files_and_sections_of_the_repository(page: Path) -> None:
    broken: list[str] = []
    for target in links(page.read_text(encoding="utf-8")):
        path, _, section = target.partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (section and section not in anchors(file)):
            broken.append(target)
    assert broken == []


def test_links_are_found() -> None:
    found = list(links((DOCS / "operations.md").read_text(encoding="utf-8")))
    assert "#a-run-was-killed" in found
    assert "variables.md" in found


def test_each_page_is_in_the_menu_once() -> None:
    assert {title(page) for page in DOCS.rglob("*.md")} - set(MENU) == set()
    assert {title(page) for page in ROOT.glob("roles/*/README.md")} - set(MENU) == set()
    assert len(MENU) == len(set(MENU))


@pytest.fixture(scope="module")
def known() -> str:
    """All that may define a variable: playbooks, the roles' specifications, the table of inputs."""
    files = [
        *ROOT.glob("playbooks/**/*.yml"),
        *ROOT.glob("roles/*/meta/argument_specs.yml"),
        *ROOT.glob("roles/*/defaults/main.yml"),
        *ROOT.glob("plugins/plugin_utils/inputs/*.py"),
        # What an inventory to copy calls its own.
        ROOT / "inventory" / "example" / "group_vars" / "app.yml",
    ]
    return "\n".join(path.read_text(encoding="utf-8") for path in files)


def extra_variables(words: list[str]) -> set[str]:
    """The names of the variables that a command line sets."""
    names: set[str] = set()
    for option, value in itertools.pairwise(words):
        if option in ("-e", "--extra-vars"):
            if value.startswith("{"):
                names |= set(yaml.safe_load(value))
            elif not value.startswith("@"):
                names |= {pair.partition("=")[0] for pair in value.split() if "=" in pair}
    return names


@pytest.mark.parametrize("page", PAGES, ids=title)
def test_commands_name_playbooks_and_variables_that_exist(page: Path, known: str) -> None:
    wrong: list[str] = []
    text = page.read_text(encoding="utf-8")
    inline = [match["text"] for match in operations.INLINE.finditer(text)]
    for command in [
        *commands(text, *ANSIBLE),
        *(re.sub(r"^(\w+=\S+ )+", "", one) for one in inline),
    ]:
        words = shlex.split(command)
        playbooks = [word for word in words if word.endswith(".yml") and "/" not in word[:1]]
        unknown = {name for name in extra_variables(words) if not re.search(rf"\b{name}\b", known)}
        named = [word for word in words if re.fullmatch(r"asgi\.fleet\.\w+", word)]
        there = [ROOT / f"playbooks/{name.rpartition('.')[2]}.yml" for name in named]
        there += [ROOT / name for name in playbooks]
        if unknown or not all(path.is_file() for path in there):
            wrong.append(command)
    assert wrong == []


@pytest.mark.parametrize(
    ("command", "names"),
    [
        ("ansible-playbook deploy.yml -e a=1 -e 'b=2 c=3' --check", {"a", "b", "c"}),
        ("""ansible-playbook deploy.yml -e '{"d": ["x"], "e": 1}'""", {"d", "e"}),
        ("ansible-playbook deploy.yml -e @file.yml", set()),
    ],
)
def test_variables_of_a_command_line_are_found(command: str, names: set[str]) -> None:
    assert extra_variables(shlex.split(command)) == names


@pytest.mark.parametrize("name", PAGES_WITH_COMMANDS)
def test_commands_are_run_by_a_test_or_excused(name: str) -> None:
    text = (DOCS / name).read_text(encoding="utf-8")
    run = operations.run_by(operations.STORY.read_text(encoding="utf-8"))
    for page in TYPED:
        run |= set(commands((DOCS / page).read_text(encoding="utf-8"), *ANSIBLE))
    written = {match["text"] for match in operations.INLINE.finditer(text)}
    written |= set(commands(text, "ansible-playbook"))
    typed = {line for script in scripts(text) for line in script.splitlines()}
    assert sorted(written - typed - run - EXCUSED.keys()) == []


def test_what_is_excused_is_written() -> None:
    pages = [(DOCS / name).read_text(encoding="utf-8") for name in PAGES_WITH_COMMANDS]
    assert [one for one in EXCUSED if not any(one in page for page in pages)] == []


def test_a_page_that_is_typed_has_no_other_command() -> None:
    for name in TYPED:
        text = (DOCS / name).read_text(encoding="utf-8")
        typed = "".join(scripts(text))
        assert [one for one in commands(text, *ANSIBLE) if one not in typed] == []


QUESTIONS = re.findall(r"^### `(.+)`$", (DOCS / "faq.md").read_text("utf-8"), re.MULTILINE)
#: What other programs say.
OF_OTHERS = {"Host key verification failed"}


def test_questions_are_found() -> None:
    assert len(QUESTIONS) > 25
    assert set(QUESTIONS) >= OF_OTHERS


@pytest.fixture(scope="module")
def said() -> list[str]:
    return list(messages(ROOT))


@pytest.mark.parametrize("question", sorted(set(QUESTIONS) - OF_OTHERS))
def test_message_of_the_questions_is_in_the_code(question: str, said: list[str]) -> None:
    parts = [re.escape(part) for part in re.split(r"<[^>]+>", question) if part.strip()]
    pattern = re.compile(r"[^\n]{0,200}?".join(parts))
    assert any(pattern.search(text) for text in said)


def test_a_message_that_the_code_does_not_have_is_noticed(said: list[str]) -> None:
    pattern = re.compile("is locked by .{0,200} UTC and a day")
    assert not any(pattern.search(text) for text in said)
