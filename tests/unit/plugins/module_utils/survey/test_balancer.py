"""How a balancer sees the servers behind it, and what its visitors get."""

from __future__ import annotations

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.state import HttpsAnswer
from ansible_collections.asgi.fleet.plugins.module_utils.servers.runtime_socket import (
    DRAINED,
    RUNNING,
    HaproxyError,
    Runtime,
    ServerState,
)
from ansible_collections.asgi.fleet.plugins.module_utils.survey import balancer as module
from ansible_collections.asgi.fleet.plugins.module_utils.survey.balancer import (
    BalancerQuestions,
    look_at_balancer,
    missing,
)

UP, DOWN = ServerState(RUNNING, 0, 0, "L7OK/200"), ServerState(0, 0, 0, "L4CON")
DRAIN = ServerState(RUNNING, DRAINED, 2, "L7OK/200")
SITE = {"name": "shop", "domain": "shop.example.com", "path": "/healthz"}
ANSWER: HttpsAnswer = {
    "status": 200,
    "error": "",
    "certificate_current": None,
    "refused": "",
}
RUNS = {"active": True, "starting": False, "enabled": True}


def play(
    monkeypatch: pytest.MonkeyPatch, *states: dict[str, ServerState], active: bool = True
) -> list[str]:
    """Have HAProxy see its servers so, one after the other; return what it was asked."""
    asked: list[str] = []

    def servers(runtime: Runtime) -> dict[str, ServerState]:
        asked.append(runtime.path)
        if not states:
            raise HaproxyError("haproxy does not answer")
        return states[min(len(asked), len(states)) - 1]

    def ask(*question: object) -> object:
        asked.append(str(question))
        return ANSWER

    monkeypatch.setattr(module, "POLL_SECONDS", 0)
    monkeypatch.setattr(module, "server_unit", lambda _: RUNS | {"active": active})
    monkeypatch.setattr(module, "ask_https", ask)
    monkeypatch.setattr(Runtime, "servers", servers)
    return asked


def questions(*expected: str, seconds: float = 30) -> BalancerQuestions:
    return BalancerQuestions("/run/h.sock", 443, [SITE], expected, seconds)


def test_balancer_tells_of_its_servers_and_its_sites(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = play(monkeypatch, {"shop/web1": UP, "shop/web2": DRAIN, "shop/web3": DOWN})
    state = look_at_balancer(questions())
    assert state["units"] == {"haproxy.service": RUNS}
    assert state["servers"] == {
        "shop/web1": {"serves": True, "drained": False, "check": "L7OK/200"},
        "shop/web2": {"serves": False, "drained": True, "check": "L7OK/200"},
        "shop/web3": {"serves": False, "drained": False, "check": "L4CON"},
    }
    assert state["answers"] == {"shop": ANSWER}
    assert asked == ["/run/h.sock", "('shop.example.com', '/healthz', 443, '')"]


def test_balancer_is_asked_until_it_sends_requests_to_the_expected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = play(monkeypatch, {"shop/web1": DOWN}, {"shop/web1": DOWN}, {"shop/web1": UP})
    assert look_at_balancer(questions("shop/web1"))["servers"]["shop/web1"]["serves"]
    assert asked.count("/run/h.sock") == 3


def test_balancer_is_not_asked_longer_than_there_is_time(monkeypatch: pytest.MonkeyPatch) -> None:
    play(monkeypatch, {"shop/web1": DOWN})
    state = look_at_balancer(questions("shop/web1", seconds=0.05))
    assert not state["servers"]["shop/web1"]["serves"]


def test_drained_and_unknown_servers_are_not_waited_for() -> None:
    servers = {"shop/web1": UP, "shop/web2": DRAIN, "shop/web3": DOWN}
    assert missing(servers, ["shop/web1", "shop/web2", "shop/new"]) == []
    assert missing(servers, ["shop/web3"]) == ["shop/web3"]


def test_balancer_that_is_down_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = play(monkeypatch, {}, active=False)
    state = look_at_balancer(questions("shop/web1"))
    assert (state["servers"], state["answers"], asked) == ({}, {}, [])
    assert not state["units"]["haproxy.service"]["active"]


def test_balancer_without_its_socket_still_tells_what_it_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    play(monkeypatch)
    state = look_at_balancer(questions("shop/web1"))
    assert (state["servers"], state["answers"]) == ({}, {"shop": ANSWER})


def test_balancer_tells_of_the_certificates_that_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    unit = {"active": False, "starting": False, "enabled": True}
    monkeypatch.setattr(module, "server_unit", lambda _: unit)
    monkeypatch.setattr(module, "certificate_state", lambda path: {"names": [path]})
    sites = [
        {"name": "shop", "domain": "a", "path": "/", "certificate": "/etc/shop/tls/fullchain.pem"},
        {"name": "blog", "domain": "b", "path": "/", "certificate": ""},
    ]
    state = module.look_at_balancer(module.BalancerQuestions("/none", 443, sites))
    found = {site: held and held["names"] for site, held in state["certificates"].items()}
    assert found == {"shop": ["/etc/shop/tls/fullchain.pem"]}
