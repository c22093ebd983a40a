"""What counts as a whole number."""

from __future__ import annotations

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.text.numbers import integer


@pytest.mark.parametrize(
    ("value", "number"),
    [(4, 4), (0, 0), (-1, -1), ("4", 4), ("-1", -1), (" 4\n", 4), ("007", 7), (2**40, 2**40)],
)
def test_whole_numbers_may_come_as_text(value: object, number: int) -> None:
    assert integer(value) == number


@pytest.mark.parametrize(
    "value", [True, False, None, "", " ", "four", "4.0", 2.5, "+4", "4 4", "٣", "²", "1" * 10, [4]]
)
def test_everything_else_is_none(value: object) -> None:
    assert integer(value) is None
