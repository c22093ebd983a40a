"""The controller's part of run.yml, logs.yml and history.yml: what is asked, where, and its end."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible import context
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.task import Task
from ansible.template import Templar
from ansible.utils import vars as ansible_vars
from ansible.utils.context_objects import CLIArgs
from ansible_collections.asgi.fleet.plugins.action import request as request_action
from ansible_collections.asgi.fleet.plugins.action.request import ActionModule

CONNECTION = SimpleNamespace(_shell=SimpleNamespace(tmpdir="unused"))
SHOP = {"deployment": {"app_name": "shop"}}


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the operator sees."""
    shown: list[str] = []
    monkeypatch.setattr(request_action.display, "display", shown.append)
    return shown


def typed(monkeypatch: pytest.MonkeyPatch, *options: str, forks: int = 20) -> None:
    """Set what stands after each -e."""
    monkeypatch.setattr(context, "CLIARGS", CLIArgs({"extra_vars": options, "forks": forks}))
    # Ansible keeps what it has read.
    monkeypatch.delattr(ansible_vars.load_extra_vars, "extra_vars", raising=False)


def step(
    name: str, hostvars: dict[str, dict[str, Any]], request: dict[str, Any] | None = None
) -> dict[str, Any]:
    loader = DataLoader()
    task = Task.load({"action": "asgi.fleet.request"})
    task.args = {"step": name, "hosts": list(hostvars), "request": request or {}}
    action = ActionModule(
        task=task,
        connection=CONNECTION,
        play_context=SimpleNamespace(check_mode=False, diff=False),
        loader=loader,
        templar=Templar(loader=loader, variables={}),
        shared_loader_obj=None,
    )
    groups = {"app": ["web1", "web2"]}
    known = {"web1": SHOP, "web2": SHOP} | hostvars
    return dict(action.run(task_vars={"hostvars": known, "groups": groups}))


BOTH: dict[str, dict[str, Any]] = {"web1": SHOP, "web2": SHOP}


def test_command_is_taken_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    typed(monkeypatch, "command=python manage.py check")
    found = step("run", BOTH)
    assert found["request"]["command"] == ["python", "manage.py", "check"]
    assert found["asked"] == ["web1", "web2"]


def test_braces_of_a_command_are_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    typed(monkeypatch, '{"command": ["echo", "{{ app_name }}"]}')
    command = step("run", BOTH)["request"]["command"]
    assert command == ["echo", "{{ app_name }}"]
    # No subclass of it, by which Ansible marks a template.
    assert {type(word) for word in command} == {str}


def test_leader_alone_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    typed(monkeypatch, "command=true", "run_on=leader")
    assert step("run", BOTH)["asked"] == ["web1"]
    told = step("run", {"web2": SHOP})
    assert told["failed"] is True
    assert "that of shop is web1, which --limit leaves out" in told["msg"]


def test_two_applications_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    typed(monkeypatch, "command=true")
    told = step("run", {"web1": SHOP, "news1": {"deployment": {"app_name": "news"}}})
    assert "the hosts have 2 applications (shop, news)" in told["msg"]


def test_wrong_input_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    typed(monkeypatch, "run_on=two")
    told = step("run", BOTH)
    assert told["failed"] is True
    assert "command is not set; " in told["msg"]
    assert "run_on is two; " in told["msg"]


def test_hosts_are_chosen_by_what_they_told() -> None:
    looks = {
        "web1": SHOP | {"run_look": {"unreachable": True, "msg": "timed out"}},
        "web2": SHOP | {"run_look": {"release": "1.1"}},
    }
    assert step("run_hosts", looks, {"on": "one"})["hosts"] == ["web2"]
    told = step("run_hosts", looks, {"on": "all"})
    assert told["msg"].endswith("\n  web1: unreachable: timed out")


def test_end_is_shown_and_its_status_written(tmp_path: Path, seen: list[str]) -> None:
    status = tmp_path / "status"
    end = {"status": 3, "problem": "exit status 3", "seconds": 1.5}
    results = {
        "web1": SHOP | {"run_result": {"end": end | {"status": 0, "problem": ""}}},
        "web2": SHOP | {"run_result": {"end": end}},
    }
    told = step("run_end", results, {"status_file": str(status)})
    assert seen == ["\nweb1: exit status 0, after 1.5 s\nweb2: exit status 3, after 1.5 s"]
    assert (told["failed"], told["status"]) == (True, 3)
    assert status.read_text() == "3\n"


def test_end_that_nobody_knows_is_a_failure(seen: list[str]) -> None:
    told = step("run_end", {"web1": SHOP}, {"status_file": ""})
    assert told["msg"] == "the command failed on web1: unreachable"
    assert told["status"] == 255
    assert seen == []


def look(text: str, at: float) -> dict[str, Any]:
    return SHOP | {"logs_look": {"lines": [[at, "journal", text]], "left_out": 0}}


def test_lines_of_all_hosts_are_shown_in_order(seen: list[str]) -> None:
    told = step(
        "logs_lines",
        {"web1": look("second \x1b[2J", 2.0), "web2": look("first", 1.0)},
        {"since": 0.0, "lines": 500, "follow": False},
    )
    assert seen[0].splitlines()[1:] == [
        "1970-01-01 00:00:01.000 web2 first",
        "1970-01-01 00:00:02.000 web1 second \\x1b[2J",
    ]
    assert "failed" not in told


def test_missing_lines_are_a_failure_after_the_others(seen: list[str]) -> None:
    looks = {"web1": SHOP | {"logs_look": {"failed": True, "msg": "no journal"}}}
    looks["web2"] = look("here", 1.0)
    request = {"since": 0.0, "lines": 500, "follow": False}
    told = step("logs_lines", looks, request)
    assert "here" in seen[0]
    assert (told["failed"], told["msg"]) == (True, "lines are missing: web1: no journal")
    # The others can be followed.
    assert "failed" not in step("logs_lines", looks, request | {"follow": True})
    assert seen[-1] == "web1: no journal"


def test_more_hosts_than_forks_are_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    typed(monkeypatch, "logs_follow=true", forks=1)
    assert step("logs", BOTH)["msg"].startswith("forks is 1; expected at least 2")
    typed(monkeypatch, forks=1)
    assert step("logs", BOTH)["request"]["interval"] == 2


def test_history_takes_its_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    typed(monkeypatch, "history_count=5", "history_format=json")
    found = step("history", BOTH)
    assert found["request"] == {"format": "json", "file": "", "count": 5}
