"""What a host needs, put together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.survey import upkeep as module
from ansible_collections.asgi.fleet.plugins.module_utils.survey.upkeep import look_at_host


def test_host_is_told_of_with_its_units(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def kills(since: Mapping[str, int]) -> dict[str, Any]:
        asked.append(since)
        return {}

    def old(pids: Mapping[str, int]) -> dict[str, list[str]]:
        asked.append(pids)
        return {"haproxy.service": ["libssl.so.3"]}

    runs = {"MainPID": "7", "ActiveState": "active", "Job": ""}
    monkeypatch.setattr(module, "show", lambda _: runs)
    monkeypatch.setattr(module, "enabled", lambda _: set())
    monkeypatch.setattr(module, "updates", lambda: {"waiting": []})
    monkeypatch.setattr(module, "memory_kills", kills)
    monkeypatch.setattr(module, "outdated", old)
    state = look_at_host(["haproxy.service"])
    assert state["units"] == {
        "haproxy.service": {"active": True, "starting": False, "enabled": False}
    }
    assert state["outdated"] == {"haproxy.service": ["libssl.so.3"]}
    assert state["updates"]["waiting"] == []
    assert state["memory_kills"] == {}
    assert state["at"] > 0
    assert asked == [{"haproxy.service": 0}, {"haproxy.service": 7}]


@pytest.mark.parametrize(
    ("told", "active", "starting"),
    [
        ({"ActiveState": "active", "Job": ""}, True, False),
        ({"ActiveState": "reloading", "Job": "7"}, True, True),
        ({"ActiveState": "inactive", "Job": "0"}, False, False),
        # At boot, before its turn has come.
        ({"ActiveState": "inactive", "Job": "12"}, False, True),
        ({"ActiveState": "activating", "Job": ""}, False, True),
        ({"ActiveState": "failed", "Job": ""}, False, False),
    ],
)
def test_unit_that_waits_for_its_start_is_told_from_one_that_is_down(
    monkeypatch: pytest.MonkeyPatch, told: dict[str, str], active: bool, starting: bool
) -> None:
    monkeypatch.setattr(module, "show", lambda _: told)
    monkeypatch.setattr(module, "enabled", set)
    found = module.server_unit("nginx.service")
    assert found == {"active": active, "starting": starting, "enabled": True}
