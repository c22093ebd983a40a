"""The filter around the environment file: which values it takes, and how they are written."""

from __future__ import annotations

from datetime import date

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.asgi.fleet.plugins.filter.environment_file import FilterModule
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.environment import (
    parse_environment,
)

environment_file = FilterModule().filters()["environment_file"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("red", "red"),
        (True, "true"),
        (False, "false"),
        (None, ""),
        (0, "0"),
        (["a", {"b": 1.5, "c": None}, "ü"], '["a",{"b":1.5,"c":null},"ü"]'),
        ({"z": "x y", "a": [True]}, '{"z":"x y","a":[true]}'),
        ("yes", "yes"),
    ],
)
def test_environment_file_writes_each_kind_of_value(value: object, text: str) -> None:
    assert parse_environment(environment_file({"VALUE": value})) == {"VALUE": text}


def test_environment_file_sorts_and_quotes() -> None:
    assert environment_file({"B": "$b", "A": 'a "b"'}) == 'A="a \\"b\\""\nB="\\$b"\n'


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ("A=1", "the environment is a str; expected a mapping of names to values"),
        (["A=1"], "the environment is a list; expected a mapping of names to values"),
        (
            {"API_VERSION": 1.1},
            "API_VERSION is the number 1.1; expected a text, since YAML reads 1.10 as 1.1; "
            "write it in quotes",
        ),
        (
            {"DAY": date(2026, 11, 5)},
            "DAY is a date; expected text, a whole number, a boolean, a list or a mapping; "
            "write it in quotes",
        ),
        (
            {"DAYS": [date(2026, 11, 5)]},
            "DAYS holds a date, which JSON does not have; write it in quotes",
        ),
    ],
    ids=["text", "list", "fraction", "date", "date within"],
)
def test_environment_file_refuses(variables: object, message: str) -> None:
    with pytest.raises(AnsibleFilterError) as error:
        environment_file(variables)
    assert str(error.value) == message
