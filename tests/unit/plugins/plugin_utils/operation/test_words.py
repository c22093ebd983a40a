"""A command is split as a shell would, and what only a shell knows is refused."""

from __future__ import annotations

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import Findings
from ansible_collections.asgi.fleet.plugins.plugin_utils.operation.words import (
    LONGEST,
    first_operator,
    words,
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("python manage.py check", ["python", "manage.py", "check"]),
        ("sh -c 'ls | wc -l'", ["sh", "-c", "ls | wc -l"]),
        (r"echo a\;b", ["echo", "a;b"]),
        ('echo ""', ["echo", ""]),
        ("env A=1 python x.py", ["env", "A=1", "python", "x.py"]),
        ("  true\n", ["true"]),
        (["echo", "a|b", "{{ x }}"], ["echo", "a|b", "{{ x }}"]),
        ('["echo", "a b"]', ["echo", "a b"]),
        # The program test(1).
        ("[ -f main.py ]", ["[", "-f", "main.py", "]"]),
    ],
)
def test_command_is_a_text_or_a_list(value: object, expected: list[str]) -> None:
    findings = Findings("command")
    assert words(value, findings) == expected
    assert findings.problems == []


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, "command is not set; expected a program and its arguments"),
        ("", "command is empty;"),
        ([], "command is empty;"),
        (["", "a"], "command is empty;"),
        (3, "command is 3; expected a program"),
        ({"a": "b"}, 'command is {"a": "b"}; expected a program'),
        (["sleep", 3], 'command is ["sleep", 3]; expected a list of texts; quote its numbers'),
        ("ls | wc", "command is a text with | in it, which only a shell knows"),
        ("a && b", "a text with && in it"),
        ("echo `id`", "a text with ` in it"),
        ("a\nb", "a text with a new line in it"),
        ("echo 'a", "a text that cannot be split (No closing quotation)"),
        ("A=1 python x.py", "command is A=1; expected a program first, since no shell reads it"),
        (["echo", "a\0b"], "command is a text with a NUL in it"),
        (["echo", "x" * LONGEST], f"command is more than {LONGEST} bytes long"),
    ],
)
def test_command_that_would_not_run_is_refused(value: object, told: str) -> None:
    findings = Findings("command")
    assert words(value, findings) == []
    (problem,) = findings.problems
    assert told in problem.message


@pytest.mark.parametrize(
    ("text", "operator"),
    [
        ("a > b", ">"),
        ("a >> b", ">>"),
        ("a $(b)", "$("),
        ("a $b", ""),
        ("a '>' \">\" \\>", ""),
        # A quote in the other kind of quotes is a letter.
        ("""a "it's" > b""", ">"),
        # Between these quotes a backslash is a letter, so they end.
        (r"a '\' > b", ">"),
        (r'a "\"" > b', ">"),
        ("a \\", ""),
    ],
)
def test_operator_of_a_shell_is_found_outside_of_quotes(text: str, operator: str) -> None:
    assert first_operator(text) == operator
