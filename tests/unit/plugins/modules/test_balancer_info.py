"""The module around what a balancer tells."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.survey.balancer import BalancerQuestions
from ansible_collections.asgi.fleet.plugins.modules import balancer_info


@pytest.mark.parametrize("upkeep", [False, True])
def test_balancer_info_hands_its_arguments_on(
    run_module: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch, upkeep: bool
) -> None:
    asked: list[BalancerQuestions] = []

    def look(questions: BalancerQuestions) -> dict[str, Any]:
        asked.append(questions)
        return {"servers": {}}

    monkeypatch.setattr(balancer_info, "look_at_balancer", look)
    monkeypatch.setattr(balancer_info, "look_at_host", lambda units: {"updates": units})
    site = {"name": "shop", "domain": "shop.example.com", "path": "/healthz", "certificate": "/c"}
    answer = run_module(
        balancer_info,
        sites=[site],
        https_port=8443,
        expected=["shop/web1"],
        wait_seconds=2.5,
        upkeep=upkeep,
        _ansible_check_mode=True,
    )
    assert (answer["failed"], answer["changed"]) == (False, False)
    needs = {"updates": ["haproxy.service"]} if upkeep else {}
    assert answer["state"] == {"servers": {}} | needs
    assert asked == [BalancerQuestions("/run/haproxy/admin.sock", 8443, [site], ["shop/web1"], 2.5)]
