"""The table: every playbook of a user has a command, and every variable is one of its playbook."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from asgi_fleet.commands import COMMANDS, SECTIONS, Command

ROOT = Path(__file__).resolve().parents[3]
#: Halves, which only other playbooks import.
HALVES = {"aim_at_live.yml", "apply.yml", "plan.yml", "waves.yml"}

each_command = pytest.mark.parametrize("command", COMMANDS, ids=lambda one: one.name)


def variables(command: Command) -> set[str]:
    """Return the variables that a command may set."""
    named = {one.variable for one in command.options} | {name for name, _ in command.variables}
    if command.argument and command.argument.variable != "--limit":
        named.add(command.argument.variable)
    return (named | {command.json, command.rest, command.status}) - {""}


def text_of(playbook: Path, seen: set[Path]) -> str:
    """Return the text of a playbook with all that it imports, and the spec of the inputs."""
    if playbook in seen or not playbook.is_file():
        return ""
    seen.add(playbook)
    text = playbook.read_text(encoding="utf-8")
    files = re.findall(r"([\w./]+\.yml)", text)
    return text + "".join(text_of(playbook.parent / name, seen) for name in files)


def test_every_playbook_of_a_user_has_a_command() -> None:
    there = {path.name for path in (ROOT / "playbooks").glob("*.yml")} - HALVES
    assert there <= {Path(one.playbook).name for one in COMMANDS}


def test_every_command_has_a_playbook() -> None:
    assert [one.playbook for one in COMMANDS if not (ROOT / one.playbook).is_file()] == []


@each_command
def test_variables_are_those_of_the_playbook(command: Command) -> None:
    spec = (ROOT / "plugins/plugin_utils/inputs/spec_fleet.py").read_text(encoding="utf-8")
    text = text_of(ROOT / command.playbook, set()) + spec
    assert {name for name in variables(command) if not re.search(rf"\b{name}\b", text)} == set()


def test_names_are_given_once() -> None:
    names = [one.name for one in COMMANDS]
    assert len(names) == len(set(names))


@each_command
def test_options_are_given_once(command: Command) -> None:
    flags = [flag for one in command.options for flag in one.flags]
    assert len(flags) == len(set(flags))
    named = [one.variable for one in command.options]
    assert len(named) == len(set(named))


@each_command
def test_command_has_a_section_and_its_first_sentence_fits_a_line(command: Command) -> None:
    assert command.section in SECTIONS
    assert len(command.help.partition("\n")[0]) < 100
