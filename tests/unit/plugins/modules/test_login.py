"""The steps of the module: what each returns, and what makes it fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.host.login import LoginError, Plan
from ansible_collections.asgi.fleet.plugins.module_utils.host.session import Session
from ansible_collections.asgi.fleet.plugins.modules import login

Run = Callable[..., dict[str, Any]]
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKz5tA0iyKLJPW7wfLhp5Pmm7wCIZ0QxX3mZcAAgQkjE ada"
SESSION = Session("192.0.2.1", 5000, "192.0.2.2", 22)


class Undo:
    """The way back of a host, as a test wants it."""

    def __init__(self, calls: list[str]) -> None:
        self.calls, self.pending, self.why = calls, False, ""
        self.decided = self

    def exists(self) -> bool:
        return True

    def take_back(self) -> None:
        self.calls.append("taken back")

    def keep(self, session: Session | None) -> str:
        self.calls.append(f"kept by {session.client_port if session else None}")
        return self.why


@pytest.fixture
def calls() -> list[str]:
    return []


@pytest.fixture
def undo(calls: list[str], monkeypatch: pytest.MonkeyPatch) -> Undo:
    way_back = Undo(calls)
    monkeypatch.setattr(login, "undo", lambda: way_back)
    monkeypatch.setattr(login, "session_of", lambda _: SESSION)
    monkeypatch.setattr(login, "plan", lambda *_, **__: Plan(create=True, closing=True))
    monkeypatch.setattr(login, "open_host", lambda *_: calls.append("opened"))
    monkeypatch.setattr(
        login, "close_host", lambda _w, _s, seconds, _u: calls.append(f"closed for {seconds}")
    )
    return way_back


@pytest.mark.usefixtures("undo")
def test_opening_closes_nothing_and_says_what_follows(run_module: Run, calls: list[str]) -> None:
    answer = run_module(login, state="opened", user="deploy", keys=[KEY])
    assert answer["lines"] == ["make the account deploy, without a password"]
    assert answer["closing"][0].startswith("close root and passwords for SSH: ")
    assert (answer["changed"], calls) == (True, ["opened"])


@pytest.mark.usefixtures("undo")
def test_check_mode_does_nothing(run_module: Run, calls: list[str]) -> None:
    answer = run_module(login, state="opened", user="deploy", keys=[KEY], _ansible_check_mode=True)
    assert (answer["changed"], calls) == (True, [])


def test_closing_waits_for_its_proof_after_what_was_left_behind(
    run_module: Run, calls: list[str], undo: Undo
) -> None:
    undo.pending = True
    answer = run_module(login, state="closed", user="deploy", undo_seconds=6)
    assert (answer["undo"], calls) == (True, ["taken back", "closed for 6"])


def test_closed_host_is_left_alone(
    run_module: Run, calls: list[str], undo: Undo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(login, "plan", lambda *_, **__: Plan())
    answer = run_module(login, state="closed", user="deploy")
    assert (answer["changed"], answer["undo"], calls) == (False, False, [])
    assert undo.pending is False


@pytest.mark.usefixtures("undo")
def test_nothing_is_closed_from_elsewhere_than_ssh(
    run_module: Run, calls: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(login, "session_of", lambda _: None)
    answer = run_module(login, state="closed", user="deploy")
    assert answer["failed"]
    assert "this is no session of SSH" in answer["msg"]
    assert calls == []


def test_change_is_kept_or_says_why_not(run_module: Run, calls: list[str], undo: Undo) -> None:
    assert run_module(login, state="kept", user="deploy")["failed"] is False
    undo.why = "the host has taken the change back before"
    answer = run_module(login, state="kept", user="deploy")
    assert (answer["failed"], answer["undone"]) == (True, True)
    assert answer["msg"].endswith("does not stay closed: the host has taken the change back before")
    assert calls == ["kept by 5000", "kept by 5000"]


@pytest.mark.usefixtures("undo")
def test_refusal_is_for_the_operator(run_module: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> Plan:
        raise LoginError("deploy is an account of the system")

    monkeypatch.setattr(login, "plan", refuse)
    answer = run_module(login, state="opened", user="deploy")
    assert (answer["failed"], answer["is_refusal"]) == (True, True)
    assert answer["msg"] == "deploy is an account of the system"


@pytest.mark.usefixtures("undo")
def test_steps_alone_are_the_modules(run_module: Run) -> None:
    assert "present is for the action" in run_module(login, user="deploy")["msg"]
