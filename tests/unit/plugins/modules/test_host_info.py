"""The module around what a host needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.modules import host_info


@pytest.mark.parametrize("check_mode", [False, True])
def test_host_info_tells_of_the_units(
    run_module: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch, check_mode: bool
) -> None:
    monkeypatch.setattr(host_info, "look_at_host", lambda units: {"units": units})
    answer = run_module(host_info, units=["haproxy.service"], _ansible_check_mode=check_mode)
    assert (answer["failed"], answer["changed"]) == (False, False)
    assert answer["state"] == {"units": ["haproxy.service"]}
