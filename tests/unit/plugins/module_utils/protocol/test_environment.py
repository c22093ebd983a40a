"""The environment file: its quoting, and what is shown of it."""

from __future__ import annotations

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.environment import (
    format_environment,
    hide_values,
    parse_environment,
)

VALUES = {
    "empty": "",
    "spaces": "  good   morning ",
    "hash": "# no comment",
    "quotes": "\"double\" and 'single'",
    "dollar": "$HOME ${HOME} $$",
    "backtick": "`id`",
    "backslash": "C:\\new\\table\\",
    "backslash_quote": '\\"',
    "newline": "first\nsecond\n",
    "continued": "first\\\nsecond",
    "carriage_return": "first\r\nsecond\r\n",
    "tab": "a\tb",
    "unicode": "Grüße, 世界 🚀",
    "assignment": 'x\nOTHER="not a variable"\n',
    "percent": "%n 100%",
}


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES.keys())
def test_environment_value_survives_the_round_trip(value: str) -> None:
    variables = {"BEFORE": "1", "VALUE": value, "WITHIN": "2"}
    assert parse_environment(format_environment(variables)) == variables


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("", 'VALUE=""\n'),
        ("a b", 'VALUE="a b"\n'),
        ('say "hi"', 'VALUE="say \\"hi\\""\n'),
        ("$HOME", 'VALUE="\\$HOME"\n'),
        ("`id`", 'VALUE="\\`id\\`"\n'),
        ("a\\b", 'VALUE="a\\\\b"\n'),
        ("a\nb", 'VALUE="a\nb"\n'),
        ("ü", 'VALUE="ü"\n'),
    ],
)
def test_environment_quotes_as_systemd_reads(value: str, line: str) -> None:
    assert format_environment({"VALUE": value}) == line


def test_environment_is_sorted_by_name() -> None:
    assert format_environment({"B": "2", "A": "1"}) == 'A="1"\nB="2"\n'


def test_environment_of_nothing_is_empty() -> None:
    assert format_environment({}) == ""
    assert parse_environment("") == {}


def test_hidden_values_leave_only_the_names() -> None:
    text = format_environment({"TOKEN": 's3cret"\nNOT_A_NAME="x', "A": "visible"})
    assert hide_values(text) == "A=<hidden>\nTOKEN=<hidden>\n"
