"""What `show` prints, and when it fails; the output that shows nothing else is tested by itself."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.task import Task
from ansible.template import Templar
from ansible_collections.asgi.fleet.plugins.action import show

# The parts that ActionBase reads of what it never uses here: nothing connects.
CONNECTION = SimpleNamespace(_shell=SimpleNamespace(tmpdir="unused"))


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    texts: list[str] = []
    monkeypatch.setattr(show, "display", SimpleNamespace(display=texts.append))
    return texts


def run(**args: object) -> dict[str, Any]:
    loader = DataLoader()
    task = Task.load({"action": "asgi.fleet.show"})
    task.args = args
    action = show.ActionModule(
        task=task,
        connection=CONNECTION,
        play_context=SimpleNamespace(check_mode=True, diff=False),
        loader=loader,
        templar=Templar(loader=loader, variables={}),
        shared_loader_obj=None,
    )
    return dict(action.run(task_vars={}))


def test_show_prints_its_lines(printed: list[str]) -> None:
    assert run(lines=["HOST", "web1"]) == {"changed": False, "lines": ["HOST", "web1"]}
    assert printed == ["\nHOST\nweb1\n"]


def test_show_prints_nothing_that_steers_a_terminal(printed: list[str]) -> None:
    run(lines=["web1 \x1b]0;evil\x07", "\tb\u202e"])
    assert printed == ["\nweb1 \\x1b]0;evil\\x07\n\tb\\u202e\n"]


def test_show_prints_nothing_of_no_lines(printed: list[str]) -> None:
    assert run(lines=[]) == {"changed": False, "lines": []}
    assert printed == []


def test_show_fails_with_its_failure_after_its_lines(printed: list[str]) -> None:
    result = run(lines=["web1"], failure="the rollout failed")
    assert (result["failed"], result["msg"]) == (True, "the rollout failed")
    assert printed == ["\nweb1\n"]
    assert "failed" not in run(lines=["web1"], failure="")
    # Ansible prints what a failed task returns.
    assert "lines" not in result
    assert "reason_follows" not in result


def test_failure_without_lines_says_that_the_reason_follows(printed: list[str]) -> None:
    assert run(lines=[], failure="see below")["reason_follows"] is True
    assert printed == []
