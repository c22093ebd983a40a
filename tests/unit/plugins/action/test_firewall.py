"""The proof that a closed host still opens, with connections that answer as a test wants."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleConnectionFailure
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.task import Task
from ansible.template import Templar
from ansible_collections.asgi.fleet.plugins.action.firewall import ActionModule
from ansible_collections.asgi.fleet.plugins.plugin_utils.entry import coming_back
from ansible_collections.asgi.fleet.plugins.plugin_utils.entry.coming_back import NEW_CONNECTION

CHANGED = {"changed": True, "undo": True, "session_port": 2222, "commands": ["ufw enable"]}
SILENT = AnsibleConnectionFailure("Connection timed out")
LATE = {"failed": True, "undone": True, "msg": "the firewall is not kept: too late"}


class Connection:
    """One over which a module is run; notes with which options."""

    def __init__(self, transport: str) -> None:
        self.transport = transport
        self._shell = SimpleNamespace(tmpdir="unused")
        self.options = {"ssh_args": "-o ControlPersist=60s"}
        self.resets = 0

    def get_option(self, name: str) -> str:
        return self.options[name]

    def set_option(self, name: str, value: str) -> None:
        self.options[name] = value

    def close(self) -> None:
        pass

    def reset(self) -> None:
        self.resets += 1


class Host(ActionModule):
    """An action whose host answers as a test wants, and notes what it was asked."""

    answers: list[dict[str, Any] | AnsibleConnectionFailure]
    asked: list[tuple[str, str]]
    undo_seconds: int | None

    def _execute_module(
        self, module_name: str, module_args: dict[str, Any], task_vars: dict[str, Any]
    ) -> dict[str, Any]:
        assert (module_name, task_vars) == ("asgi.fleet.firewall", {"inventory_hostname": "web1"})
        self.undo_seconds = module_args.get("undo_seconds")
        self.asked.append(
            (module_args.get("state", "closed"), self._connection.options["ssh_args"])
        )
        answer = self.answers.pop(0)
        if isinstance(answer, AnsibleConnectionFailure):
            raise answer
        return answer


def run(
    *answers: dict[str, Any] | AnsibleConnectionFailure, transport: str = "ssh", **args: object
) -> tuple[dict[str, Any], Host]:
    loader = DataLoader()
    task = Task.load({"action": "asgi.fleet.firewall"})
    task.args = args
    action = Host(
        task=task,
        connection=Connection(transport),
        play_context=SimpleNamespace(check_mode=False, diff=False),
        loader=loader,
        templar=Templar(loader=loader, variables={}),
        shared_loader_obj=None,
    )
    action.answers, action.asked = list(answers), []
    return dict(action.run(task_vars={"inventory_hostname": "web1"})), action


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a pause take no time, but the clock go on."""
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    monkeypatch.setattr(coming_back, "time", SimpleNamespace(monotonic=lambda: now[0], sleep=sleep))


def test_an_unchanged_host_costs_one_call() -> None:
    answer, host = run({"changed": False, "undo": False})
    assert (answer["changed"], len(host.asked)) == (False, 1)


def test_a_change_is_kept_over_a_connection_of_its_own() -> None:
    answer, host = run(CHANGED, SILENT, {"changed": False}, tcp_ports=[443])
    assert not answer.get("failed")
    assert host.asked == [
        ("closed", "-o ControlPersist=60s"),
        ("kept", f"{NEW_CONNECTION} -o ControlPersist=60s"),
        ("kept", f"{NEW_CONNECTION} -o ControlPersist=60s"),
    ]
    assert host._connection.options["ssh_args"] == "-o ControlPersist=60s"


def test_a_host_that_took_it_back_is_told_of() -> None:
    answer, _host = run(CHANGED, SILENT, SILENT, LATE)
    assert answer["failed"]
    assert answer["msg"] == (
        "SSH to web1 (port 2222 there) did not open with the firewall on, within 60 seconds: "
        "Connection timed out; it was taken back by the host, which lets SSH in again. What was to "
        "be changed: ufw enable"
    )


def test_a_host_that_stays_silent_is_given_up() -> None:
    answer, _host = run(CHANGED, *[SILENT] * 12, undo_seconds=8)
    assert (
        "within 8 seconds: Connection timed out; the host takes it back by itself" in answer["msg"]
    )


def test_a_connection_that_cannot_be_opened_anew_is_no_proof() -> None:
    failed = {"failed": True, "undone": False, "msg": "this is not a new connection"}
    answer, host = run(CHANGED, failed, transport="other")
    assert "this is not a new connection; the host takes it back by itself" in answer["msg"]
    assert host._connection.resets == 1


def test_a_controller_that_closes_itself_needs_no_proof() -> None:
    # Whoever runs it may have come by SSH: that session is not this connection.
    _answer, host = run({"changed": True, "undo": False}, transport="local")
    assert host.undo_seconds == 0
    _answer, host = run({"changed": False, "undo": False})
    assert host.undo_seconds is None
