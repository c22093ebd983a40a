"""What stands after -e, whole, where Ansible would take its first word."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from ansible.parsing.splitter import parse_kv
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import Findings
from ansible_collections.asgi.fleet.plugins.plugin_utils.operation.given import given


def parse(text: str) -> Mapping[str, object]:
    found: dict[str, object] = parse_kv(text)
    return found


def command(*options: str, findings: Findings | None = None, **variables: object) -> object:
    """Return `command`; the variables are what Ansible makes of all options."""
    return given("command", options, variables, parse, findings or Findings("command"))


def test_ansible_alone_takes_the_first_word() -> None:
    """Why all of this is here."""
    assert parse("command=python manage.py check")["command"] == "python"


def test_sentence_without_its_quotes_is_taken_whole() -> None:
    assert command("command=python manage.py check", command="python") == "python manage.py check"


def test_quotes_of_a_command_are_kept_for_its_own_words() -> None:
    assert command("command=sh -c 'exit 3'", command="sh") == "sh -c 'exit 3'"


def test_one_word_is_what_ansible_makes_of_it() -> None:
    assert command("command=true", command="true") == "true"
    assert command("command='python -c pass'", command="python -c pass") == "python -c pass"


def test_the_last_option_counts() -> None:
    assert command("command=ls a", "run_on=all", "command=ls b", command="ls") == "ls b"
    assert command("command=ls a", "command=pwd", command="pwd") == "pwd"


@pytest.mark.parametrize("option", ["@vars.yml", '{"command": ["ls", "a"]}', "commands=a b"])
def test_other_forms_are_what_ansible_makes_of_them(option: str) -> None:
    assert command(option, command=["ls", "a"]) == ["ls", "a"]


def test_variable_that_is_not_given_is_none() -> None:
    assert command("run_on=all") is None


def test_word_that_would_set_another_variable_is_refused() -> None:
    findings = Findings("command")
    command("command=python x.py app_name=other", findings=findings)
    (problem,) = findings.problems
    assert problem.message == (
        "command is followed by app_name=, which Ansible takes as a variable; expected it alone "
        "after its -e; quote it: -e 'command=\"...\"'"
    )


def test_option_of_a_program_is_no_variable() -> None:
    findings = Findings("command")
    text = "command=python x.py --level=3"
    assert command(text, findings=findings) == "python x.py --level=3"
    assert findings.problems == []
