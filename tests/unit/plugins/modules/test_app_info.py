"""The module around an application's state, on a machine that has never seen the application."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.survey.application import Questions
from ansible_collections.asgi.fleet.plugins.modules import app_info


@pytest.mark.parametrize("check_mode", [False, True])
def test_app_info_of_an_unknown_application_says_that_nothing_is_live(
    run_module: Callable[..., dict[str, Any]], check_mode: bool
) -> None:
    answer = run_module(app_info, name="no-such-shop", _ansible_check_mode=check_mode)
    assert (answer["failed"], answer["changed"]) == (False, False)
    assert answer["state"]["live"] is None
    assert answer["state"]["releases"] == []


def test_app_info_hands_its_arguments_on(
    run_module: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def look(application: Application, questions: Questions) -> dict[str, Any]:
        asked.extend([application.name, questions])
        return {"live": None}

    monkeypatch.setattr(app_info, "look", look)
    answer = run_module(
        app_info, name="shop", health_path="/ready", certificate="/x.pem", https_port=443
    )
    assert answer["state"] == {"live": None}
    assert asked == [
        "shop",
        Questions(health_path="/ready", certificate="/x.pem", https_port=443),
    ]
