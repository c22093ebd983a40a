"""The lines of a host are shown as they come, and a host that falls silent is asked again."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action.normal import ActionModule as Usual
from ansible_collections.asgi.fleet.plugins.action import logs as logs_action
from ansible_collections.asgi.fleet.plugins.action.logs import ActionModule

#: 2026-11-28 10:00:00 UTC.
TEN = 1_795_860_000.0


def answer(*texts: str, left_out: int = 0, at: int = 1) -> dict[str, Any]:
    return {
        "lines": [[TEN, "journal", text] for text in texts],
        "left_out": left_out,
        "position": {"offset": at},
    }


class Host:
    """A host that answers so often, and a clock that each answer moves by a second."""

    def __init__(self, *answers: dict[str, Any] | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[dict[str, Any]] = []
        self.now = 1000.0
        self.action = ActionModule.__new__(ActionModule)
        args = {"name": "shop", "follow": True, "position": {"offset": 0}, "width": 5}
        # So that it ends when the answers do.
        args |= {"seconds": len(answers), "interval": 0}
        self.action._task = SimpleNamespace(args=args, delegate_to=None, check_mode=False)
        self.action._execute_module = self._answer

    def _answer(self, module_args: dict[str, Any], **_more: object) -> dict[str, Any]:
        self.asked.append(dict(module_args))
        self.now += 1
        found = self.answers.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    def run(self) -> dict[str, Any]:
        return self.action.run(task_vars={"inventory_hostname": "web1"})


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the operator sees."""
    shown: list[str] = []
    monkeypatch.setattr(logs_action.display, "display", shown.append)
    return shown


def use(host: Host, monkeypatch: pytest.MonkeyPatch) -> Host:
    clock = SimpleNamespace(monotonic=lambda: host.now, sleep=lambda _seconds: None)
    monkeypatch.setattr(logs_action, "time", clock)
    return host


def test_lines_are_shown_and_each_call_goes_on_from_the_last(
    monkeypatch: pytest.MonkeyPatch, seen: list[str]
) -> None:
    host = use(Host(answer("one", "two"), answer(at=2), answer("three", at=3)), monkeypatch)
    assert host.run() == {"changed": False, "shown": 3}
    assert seen == [
        "2026-11-28 10:00:00.000 web1  one\n2026-11-28 10:00:00.000 web1  two",
        "2026-11-28 10:00:00.000 web1  three",
    ]
    assert [one["position"]["offset"] for one in host.asked] == [0, 1, 2]


def test_module_gets_its_own_options_alone(
    monkeypatch: pytest.MonkeyPatch, seen: list[str]
) -> None:
    host = use(Host(answer()), monkeypatch)
    host.run()
    assert host.asked == [{"name": "shop", "position": {"offset": 0}, "wait": 1.0}]
    assert seen == []


def test_lines_that_were_too_many_are_told(
    monkeypatch: pytest.MonkeyPatch, seen: list[str]
) -> None:
    use(Host(answer("last", left_out=7)), monkeypatch).run()
    assert seen[0].startswith("web1: 7 lines were too many, and are left out\n")


def test_silent_host_is_told_once_and_asked_again(
    monkeypatch: pytest.MonkeyPatch, seen: list[str]
) -> None:
    gone = AnsibleConnectionFailure("no route\x1b[2J")
    host = use(Host(answer(), gone, {"failed": True, "msg": "x"}, answer("back")), monkeypatch)
    assert host.run()["shown"] == 1
    assert seen == [
        "web1: no route\\x1b[2J; it is asked again",
        "web1: answers again",
        "2026-11-28 10:00:00.000 web1  back",
    ]
    assert [one["position"]["offset"] for one in host.asked] == [0, 1, 1, 1]


def test_killed_ansible_ends_it(monkeypatch: pytest.MonkeyPatch, seen: list[str]) -> None:
    host = use(Host(answer("one"), answer("two")), monkeypatch)
    parents = iter([100, 100, 1])
    monkeypatch.setattr(logs_action.os, "getppid", lambda: next(parents))
    assert host.run()["shown"] == 1
    assert len(seen) == len(host.asked) == 1


@pytest.mark.parametrize(("follow", "check"), [(False, False), ("false", False), (True, True)])
def test_one_look_is_the_modules_own(
    monkeypatch: pytest.MonkeyPatch, *, follow: object, check: bool
) -> None:
    host = Host()
    host.action._task.args["follow"] = follow
    host.action._task.check_mode = check
    host.action._play_context = SimpleNamespace(remote_user=None)
    host.action._connection = SimpleNamespace(become=None, get_option=lambda _name: "op")
    monkeypatch.setattr(Usual, "run", lambda *_: answer("one"))
    assert host.run()["lines"] == [[TEN, "journal", "one"]]
    assert host.asked == []
