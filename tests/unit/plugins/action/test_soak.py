"""The wait of a soak: it looks at the host in between, and ends when the operator wants it to."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.task import Task
from ansible.template import Templar
from ansible_collections.asgi.fleet.plugins.action import soak
from ansible_collections.asgi.fleet.plugins.plugin_utils.rollout import interruption

TRAFFIC = {"requests": 3, "errors": 0, "latency_ms": {"4": 3}}


class Host(soak.ActionModule):
    """One whose host answers."""

    calls: list[dict[str, Any]]

    def _execute_module(self, module_args: dict[str, Any], **_more: object) -> dict[str, Any]:
        self.calls.append(module_args)
        return {"changed": False, "traffic": TRAFFIC}


def run(until: float, end: float, log: str = "/var/log/nginx/shop.log") -> tuple[Any, Host]:
    loader = DataLoader()
    task = Task.load({"action": "asgi.fleet.soak"})
    task.args = {"until": until, "end": end, "log": log, "since": 5.5, "ignore_paths": ["/healthz"]}
    action = Host(
        task=task,
        connection=SimpleNamespace(_shell=SimpleNamespace(tmpdir="unused")),
        play_context=SimpleNamespace(check_mode=False, diff=False),
        loader=loader,
        templar=Templar(loader=loader, variables={}),
        shared_loader_obj=None,
    )
    action.calls = []
    return action.run(task_vars={}), action


def test_soak_waits_and_looks() -> None:
    now = time.time()
    found, host = run(now + 0.3, now + 10)
    assert 0.3 <= time.time() - now < 2
    assert found["traffic"] == TRAFFIC
    assert 8 < found["remaining"] < 10
    assert host.calls == [
        {"log": "/var/log/nginx/shop.log", "since": 5.5, "ignore_paths": ["/healthz"]}
    ]


def test_soak_leaves_the_last_look_to_what_follows() -> None:
    now = time.time()
    found, host = run(now + 0.2, now + 0.2)
    assert time.time() >= now + 0.2
    assert (found["remaining"], "traffic" in found, host.calls) == (0, False, [])


def test_soak_ends_when_the_operator_wants_the_rollout_to_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(interruption, "asked", lambda: True)
    now = time.time()
    found, host = run(now + 30, now + 60)
    assert time.time() - now < 2
    assert "traffic" not in found
    assert host.calls == []
