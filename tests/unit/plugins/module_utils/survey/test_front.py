"""What a visitor meets before the application: asked, and asked again while it may pass."""

from __future__ import annotations

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.state import HttpsAnswer
from ansible_collections.asgi.fleet.plugins.module_utils.survey import front as module
from ansible_collections.asgi.fleet.plugins.module_utils.survey.front import Visit, look_at_front

VISIT = Visit("shop.example.com", "/healthz", 443, "/etc/shop/tls/fullchain.pem")
RUNS = {"active": True, "starting": False, "enabled": True}


def answer(status: int, refused: str = "") -> HttpsAnswer:
    return {
        "status": status,
        "error": "",
        "late": False,
        "certificate_current": True,
        "refused": refused,
    }


def play(
    monkeypatch: pytest.MonkeyPatch,
    *answers: HttpsAnswer,
    live: str | None = "blue",
    nginx: dict[str, bool] = RUNS,
) -> list[tuple[str, str, int, str]]:
    """Have nginx answer so, one after the other; return what was asked."""
    asked: list[tuple[str, str, int, str]] = []

    def ask(domain: str, path: str, port: int, certificate: str) -> HttpsAnswer:
        asked.append((domain, path, port, certificate))
        return answers[min(len(asked), len(answers)) - 1]

    monkeypatch.setattr(module, "POLL_SECONDS", 0)
    monkeypatch.setattr(module, "server_unit", lambda _: nginx)
    monkeypatch.setattr(module, "ask_https", ask)
    monkeypatch.setattr(Application, "live_slot", lambda _: live)
    return asked


def test_front_is_asked_as_a_visitor_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = play(monkeypatch, answer(200))
    assert look_at_front(Application("no-such-shop"), VISIT) == {
        "nginx": RUNS,
        "https": answer(200),
        "maintenance_since": None,
    }
    assert asked == [("shop.example.com", "/healthz", 443, "/etc/shop/tls/fullchain.pem")]


def test_front_is_not_asked_without_a_port(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = play(monkeypatch, answer(200))
    assert look_at_front(Application("no-such-shop"), Visit("shop.example.com", "/", 0)) is None
    assert asked == []


@pytest.mark.parametrize(
    ("first", "nginx", "live", "times"),
    [
        (answer(502), RUNS, "blue", 2),
        (answer(0), RUNS, "blue", 2),
        # A first release: nothing is behind nginx yet.
        (answer(502), RUNS, None, 1),
        # Waiting does not start it, nor make its certificate valid.
        (answer(0), RUNS | {"active": False}, "blue", 1),
        (answer(200, refused="it expired 2 days ago"), RUNS, "blue", 1),
    ],
)
def test_front_is_asked_again_while_what_is_seen_may_pass(
    monkeypatch: pytest.MonkeyPatch,
    first: HttpsAnswer,
    nginx: dict[str, bool],
    live: str | None,
    times: int,
) -> None:
    asked = play(monkeypatch, first, answer(200), live=live, nginx=nginx)
    look_at_front(Application("no-such-shop"), VISIT)
    assert len(asked) == times


def test_front_that_does_not_recover_is_told_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = play(monkeypatch, answer(502))
    found = look_at_front(Application("no-such-shop"), VISIT)
    assert found is not None
    assert found["https"] == answer(502)
    assert len(asked) == module.ATTEMPTS
