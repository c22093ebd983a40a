"""The module that lowers the share of a canary and restores it, around a haproxy that is none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.entry import module as frame
from ansible_collections.asgi.fleet.plugins.module_utils.servers.runtime_socket import ServerState
from ansible_collections.asgi.fleet.plugins.modules import balancer_canary

SITE = {"name": "shop", "canary": ["web1"], "percent": 20, "seconds": 60}
FULL = {f"shop/web{number}": ServerState(2, 0, weight=100, full_weight=100) for number in (1, 2)}
LOWERED = FULL | {"shop/web1": ServerState(2, 0, weight=25, full_weight=100)}


class Host:
    """What happens on the balancer, in its order."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.states = FULL

    def servers(self) -> dict[str, ServerState]:
        return self.states

    def order(self, command: str) -> None:
        self.done.append(command)

    def run(self, command: list[str], **_more: object) -> tuple[int, str, str]:
        self.done.append(" ".join(command[:1] + command[-1:]))
        return 0, "", ""


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Host:
    @contextmanager
    def locked(_name: str, _seconds: int) -> Iterator[None]:
        yield

    made = Host()
    monkeypatch.setattr(balancer_canary, "Runtime", lambda _path: made)
    monkeypatch.setattr(balancer_canary, "locked", locked)
    monkeypatch.setattr(
        frame.Module,
        "run_command",
        lambda _module, command, **more: made.run(command, **more),
    )
    return made


def test_timer_is_there_before_the_weight_is_lowered(
    run_module: Callable[..., dict[str, Any]], host: Host
) -> None:
    answer = run_module(balancer_canary, sites=[SITE], state="lowered")
    assert host.done == [
        "systemctl haproxy-canary-shop.timer",
        "systemd-run shop",
        "set server shop/web1 weight 25",
    ]
    assert answer["changed_servers"] == ["shop/web1"]
    assert answer["told"] == ["shop: web1 gets 20.0 % of the requests instead of 50 %"]


def test_lowered_share_begins_anew(run_module: Callable[..., dict[str, Any]], host: Host) -> None:
    host.states = LOWERED
    answer = run_module(balancer_canary, sites=[SITE], state="lowered")
    assert not answer["changed"]
    assert host.done == ["systemctl haproxy-canary-shop.timer", "systemd-run shop"]


def test_full_share_ends_the_timer(run_module: Callable[..., dict[str, Any]], host: Host) -> None:
    host.states = LOWERED
    answer = run_module(balancer_canary, sites=[SITE], state="full")
    assert answer["changed_servers"] == ["shop/web1"]
    assert host.done == [
        "set server shop/web1 weight 100%",
        "systemctl haproxy-canary-shop.timer",
    ]


@pytest.mark.parametrize("state", ["lowered", "full"])
def test_check_mode_changes_nothing(
    run_module: Callable[..., dict[str, Any]], host: Host, state: str
) -> None:
    host.states = FULL if state == "lowered" else LOWERED
    answer = run_module(balancer_canary, sites=[SITE], state=state, _ansible_check_mode=True)
    assert answer["changed_servers"] == ["shop/web1"]
    assert host.done == []


def test_unknown_server_is_refused(run_module: Callable[..., dict[str, Any]], host: Host) -> None:
    answer = run_module(balancer_canary, sites=[SITE | {"canary": ["web9"]}], state="lowered")
    assert answer["failed"]
    assert answer["msg"].startswith("shop/web9 is not a server of haproxy; ")
    assert host.done == []
