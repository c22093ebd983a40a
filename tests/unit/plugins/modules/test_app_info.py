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

    def wait_healthy(
        application: Application, questions: Questions, seconds: float
    ) -> dict[str, Any]:
        asked.extend([application.name, questions, seconds])
        return healthy

    healthy = STATE | {"nginx": None}
    monkeypatch.setattr(app_info, "wait_healthy", wait_healthy)
    arguments: dict[str, Any] = {
        "name": "shop",
        "health_path": "/ready",
        "certificate": "/x.pem",
        "https_port": 443,
    }
    questions = Questions(health_path="/ready", certificate="/x.pem", https_port=443)
    assert run_module(app_info, **arguments)["state"] == healthy
    assert asked == ["shop", questions, 0]
    asked.clear()
    answer = run_module(app_info, **arguments, wait_healthy_seconds="2.5")
    assert (answer["failed"], answer["changed"], answer["state"]) == (False, False, healthy)
    assert asked == ["shop", questions, 2.5]


STATE: dict[str, Any] = {
    "application": "shop",
    "live": {"slot": "blue", "active": True, "starting": False},
    "workers": [],
    "health": 200,
    "nginx": {"active": False, "starting": False, "enabled": True},
    "https": None,
    "maintenance_since": None,
}


@pytest.mark.parametrize("patience", [0, 2.5])
def test_app_info_fails_with_one_line_when_it_was_to_wait_for_a_healthy_state(
    run_module: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch, patience: float
) -> None:
    monkeypatch.setattr(app_info, "wait_healthy", lambda *_: STATE)
    answer = run_module(app_info, name="shop", wait_healthy_seconds=patience)
    if not patience:
        assert (answer["failed"], answer["state"]) == (False, STATE)
        return
    assert answer["failed"]
    assert "state" not in answer
    assert answer["msg"] == (
        "not healthy: nginx is not running; systemctl status nginx; nginx -t; then systemctl start "
        "nginx"
    )
