"""A command is followed over many calls of its module, and is stopped when its run ends."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action.normal import ActionModule as Usual
from ansible_collections.asgi.fleet.plugins.action import run as run_action
from ansible_collections.asgi.fleet.plugins.action.run import ActionModule

END = {"status": 0, "problem": "", "seconds": 1.5}
STARTED = {"changed": True, "release": "1.1", "slot": "blue", "user": "shop"}

Answer = dict[str, Any] | Exception | Callable[[], dict[str, Any]]


def followed(text: str, position: int, end: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"text": text, "position": position, "end": end}


class Ended(BaseException):
    """In place of the end of the worker's process."""


class Call:
    """The action of one host, with what its host answers."""

    def __init__(self, answers: list[Answer], started: dict[str, Any], **options: object) -> None:
        self.answers = answers
        self.asked: list[dict[str, Any]] = []
        self.action = ActionModule.__new__(ActionModule)
        args = {"name": "shop", "id": "5f3a09c1", "command": ["true"], **options}
        self.action._task = SimpleNamespace(args=args, delegate_to=None, check_mode=False)
        self.action._play_context = SimpleNamespace(remote_user=None)
        self.action._connection = SimpleNamespace(become=None, get_option=lambda _name: "op")
        self.action._execute_module = self._answer
        self.started = started

    def _answer(self, module_args: dict[str, Any], **_more: object) -> dict[str, Any]:
        self.asked.append(module_args)
        if module_args["state"] == "stopped":
            return {"changed": True, "end": None}
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer() if callable(answer) else answer

    @property
    def states(self) -> list[str]:
        return [one["state"] for one in self.asked]

    def run(self) -> dict[str, Any]:
        return self.action.run(task_vars={"inventory_hostname": "web1"})


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the operator sees."""
    shown: list[str] = []
    monkeypatch.setattr(run_action.display, "display", shown.append)
    return shown


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, seen: list[str]) -> Iterator[Callable[..., Call]]:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def leave(status: int) -> None:
        raise Ended(status)

    def make(*answers: Answer, started: dict[str, Any] | None = None, **options: object) -> Call:
        made = Call(list(answers), started or STARTED, **options)
        monkeypatch.setattr(Usual, "run", lambda *_: dict(made.started))
        return made

    monkeypatch.setattr(run_action.os, "_exit", leave)
    monkeypatch.setattr(run_action, "RETRY_SECONDS", 0)
    assert seen == []
    yield make
    # A test that fails must not leave pytest deaf to Ctrl-C.
    for number, handler in before.items():
        signal.signal(number, handler)


def test_output_is_shown_as_it_comes(call: Callable[..., Call], seen: list[str]) -> None:
    made = call(followed("one\n", 1), followed("", 2), followed("two\n\n", 3, END))
    result = made.run()
    assert seen == ["one", "two\n"]
    assert (result["release"], result["end"]) == ("1.1", END)
    assert [one.get("position") for one in made.asked] == [0, 1, 2, None]
    assert made.states == ["followed"] * 3 + ["stopped"]


def test_each_line_has_its_host_if_there_are_several(
    call: Callable[..., Call], seen: list[str]
) -> None:
    call(followed("one\ntwo\n", 1, END), prefix="web1 | ").run()
    assert seen == ["web1 | one\nweb1 | two"]


def test_host_cannot_steer_the_terminal(call: Callable[..., Call], seen: list[str]) -> None:
    call(followed("\x1b[2J\n", 1, END)).run()
    assert seen == ["\\x1b[2J"]


@pytest.mark.parametrize(
    "started", [{"failed": True, "msg": "nothing is live"}, {"unreachable": True}]
)
def test_what_did_not_start_is_not_followed(
    call: Callable[..., Call], started: dict[str, Any]
) -> None:
    made = call(started=started)
    assert made.run().items() >= started.items()
    assert made.asked == []


def test_look_and_check_mode_follow_nothing(call: Callable[..., Call]) -> None:
    looked = call(state="looked")
    assert "end" not in looked.run()
    checked = call()
    checked.action._task.check_mode = True
    assert "end" not in checked.run()
    assert looked.asked == checked.asked == []


def test_lost_connection_is_tried_again_from_the_same_answer(
    call: Callable[..., Call], seen: list[str]
) -> None:
    made = call(followed("one\n", 1), AnsibleConnectionFailure("reset"), followed("two\n", 2, END))
    assert made.run()["end"] == END
    assert seen == ["one", "two"]
    assert [one.get("position") for one in made.asked] == [0, 1, 1, None]


def test_host_that_stays_away_ends_it(
    call: Callable[..., Call], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_action, "PATIENCE_SECONDS", 0)
    result = call(AnsibleConnectionFailure("reset")).run()
    assert result["unreachable"] is True
    assert "end" not in result


def test_command_that_is_no_longer_there_fails(call: Callable[..., Call]) -> None:
    result = call({"failed": True, "msg": "no longer on this host"}).run()
    assert (result["failed"], result["msg"]) == (True, "no longer on this host")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interruption_stops_the_command(call: Callable[..., Call], number: int) -> None:
    def interrupted() -> dict[str, Any]:
        os.kill(os.getpid(), number)
        # Python calls its handler before this returns.
        return followed("never shown\n", 1)

    made = call(interrupted)
    with pytest.raises(Ended):
        made.run()
    assert made.states == ["followed", "stopped"]


def test_second_interruption_does_not_stop_the_stopping(call: Callable[..., Call]) -> None:
    def interrupted() -> dict[str, Any]:
        os.kill(os.getpid(), signal.SIGINT)
        return followed("", 1)

    made = call(interrupted)
    answer = made.action._execute_module

    def again(**options: Any) -> dict[str, Any]:  # noqa: ANN401 (as Ansible has it)
        if options["module_args"]["state"] == "stopped":
            os.kill(os.getpid(), signal.SIGINT)
        found: dict[str, Any] = answer(**options)
        return found

    made.action._execute_module = again
    with pytest.raises(Ended):
        made.run()
    assert made.states == ["followed", "stopped"]


def test_killed_ansible_stops_the_command(
    call: Callable[..., Call], monkeypatch: pytest.MonkeyPatch
) -> None:
    parents = iter([100, 100, 1])
    monkeypatch.setattr(run_action.os, "getppid", lambda: next(parents))
    made = call(followed("one\n", 1))
    with pytest.raises(Ended):
        made.run()
    assert made.states == ["followed", "stopped"]


def test_signals_are_as_before_afterwards(call: Callable[..., Call]) -> None:
    before = signal.getsignal(signal.SIGINT)
    call(followed("", 1, END)).run()
    assert signal.getsignal(signal.SIGINT) == before
