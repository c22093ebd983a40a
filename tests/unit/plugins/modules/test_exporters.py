"""The module of the exporters: what it reports, and check mode."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.host import exporters as core
from ansible_collections.asgi.fleet.plugins.module_utils.host.exporters import ExporterError, Plan
from ansible_collections.asgi.fleet.plugins.modules import exporters

Run = Callable[..., dict[str, Any]]
GIVEN = {
    "name": "shop",
    "wanted": ["host"],
    "addresses": {"host": "127.0.0.1:9100", "nginx": "127.0.0.1:9113"},
    "status": "http://127.0.0.1:9112/status",
}


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was done to the host."""
    calls: list[str] = []

    def start(*_: object) -> list[str]:
        calls.append("start")
        return []

    todo = Plan(write={"/x": "new"}, ours=["host"])
    monkeypatch.setattr(core, "look", lambda _wish: todo)
    monkeypatch.setattr(core, "carry_out", lambda _todo: calls.append("write"))
    monkeypatch.setattr(core, "idle", lambda _todo: ["unit"])
    monkeypatch.setattr(core, "start", start)
    return calls


@pytest.mark.parametrize(
    ("state", "check", "calls"),
    [
        ("prepared", False, ["write"]),
        ("prepared", True, []),
        ("started", False, ["write", "start"]),
        ("started", True, []),
    ],
)
def test_module_does_what_its_state_says(
    run_module: Run, done: list[str], state: str, check: bool, calls: list[str]
) -> None:
    answer = run_module(exporters, **GIVEN, state=state, _ansible_check_mode=check)
    assert answer["changed"]
    assert answer["packages"] == ["prometheus-node-exporter", "prometheus-node-exporter-collectors"]
    assert [one["after"] for one in answer["diff"]] == ["new"]
    assert done == calls


@pytest.mark.usefixtures("done")
def test_refusal_is_told(run_module: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def start(*_: object) -> list[str]:
        raise ExporterError("it is silent; look")

    monkeypatch.setattr(core, "start", start)
    answer = run_module(exporters, **GIVEN, state="started")
    assert (answer["failed"], answer["msg"]) == (True, "it is silent; look")
