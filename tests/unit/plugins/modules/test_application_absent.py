"""The module around a removal, on a machine that has nothing of the application."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.modules import application_absent


@pytest.mark.parametrize("check_mode", [False, True])
def test_application_absent_changes_nothing_where_there_is_nothing(
    run_module: Callable[..., dict[str, Any]], check_mode: bool
) -> None:
    answer = run_module(application_absent, name="no-such-shop", _ansible_check_mode=check_mode)
    assert (answer["failed"], answer["changed"]) == (False, False)
    assert (answer["removed"], answer["kept"]) == ([], [])


def test_application_absent_refuses_a_path(run_module: Callable[..., dict[str, Any]]) -> None:
    answer = run_module(application_absent, name="../etc")
    assert answer["failed"]
    assert "name is '../etc'; expected a lower-case letter" in answer["msg"]
