"""A refusal of a core becomes an error of the task, and nothing else does."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.asgi.fleet.plugins.plugin_utils.entry.filters import refusing


@refusing
def half(number: int, *, divisor: int = 2) -> int:
    """Halve a number."""
    if number % divisor:
        raise ValueError(f"the number is {number}; expected an even one")
    return number // divisor


def test_what_the_core_returns_is_returned() -> None:
    assert half(4) == 2
    assert half(9, divisor=3) == 3
    assert half.__doc__ == "Halve a number."


def test_what_the_core_refuses_fails_the_task_in_its_words() -> None:
    with pytest.raises(AnsibleFilterError, match="the number is 3; expected an even one"):
        half(3)


def test_what_is_no_refusal_is_not_called_one() -> None:
    with pytest.raises(ZeroDivisionError):
        half(4, divisor=0)
