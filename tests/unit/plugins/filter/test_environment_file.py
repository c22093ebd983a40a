"""The filter around the environment file: which values it takes, and how they are written."""

from __future__ import annotations

from datetime import date

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.asgi.fleet.plugins.filter.environment_file import FilterModule

environment_file = FilterModule().filters()["environment_file"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("red", "red"),
        (True, "true"),
        (False, "false"),
        (None, ""),
        (0, "0"),
        (1.5, "1.5"),
        ("yes", "yes"),
    ],
)
def test_environment_file_writes_scalars(value: object, text: str) -> None:
    assert environment_file({"VALUE": value}) == f'VALUE="{text}"\n'


def test_environment_file_sorts_and_quotes() -> None:
    assert environment_file({"B": "$b", "A": 'a "b"'}) == 'A="a \\"b\\""\nB="\\$b"\n'


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ("A=1", "the environment is a str; expected a mapping of names to values"),
        (["A=1"], "the environment is a list; expected a mapping of names to values"),
        (
            {"HOSTS": ["a"]},
            "HOSTS is a list; expected text, a number or a boolean; "
            "write it as JSON text if the application parses it",
        ),
        (
            {"DAY": date(2026, 11, 5)},
            "DAY is a date; expected text, a number or a boolean; "
            "write it as JSON text if the application parses it",
        ),
    ],
    ids=["text", "list", "list within", "date within"],
)
def test_environment_file_refuses(variables: object, message: str) -> None:
    with pytest.raises(AnsibleFilterError) as error:
        environment_file(variables)
    assert str(error.value) == message
