"""How this host's HAProxy sees the servers behind it, and what its visitors get. Only reads."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ansible_collections.asgi.fleet.plugins.module_utils.protocol.state import (
    BalancedServer,
    HostState,
    HttpsAnswer,
)
from ansible_collections.asgi.fleet.plugins.module_utils.servers.runtime_socket import (
    HaproxyError,
    Runtime,
    ServerState,
)
from ansible_collections.asgi.fleet.plugins.module_utils.survey.certificate import (
    certificate_state,
)
from ansible_collections.asgi.fleet.plugins.module_utils.survey.host import ask_https
from ansible_collections.asgi.fleet.plugins.module_utils.survey.upkeep import server_unit

HAPROXY = "haproxy.service"
POLL_SECONDS = 0.5


@dataclass(frozen=True)
class BalancerQuestions:
    """What to ask of a balancer.

    Attributes:
        socket: The runtime socket of HAProxy.
        port: Its HTTPS port.
        sites: The health path of each site as `{name, domain, path}`, and, as `certificate`, where
            its certificate is.
        expected: Servers, as `site/host`, to wait for, until each serves or is drained.
        seconds: How long to wait for them.
    """

    socket: str
    port: int
    sites: Sequence[Mapping[str, str]] = field(default_factory=tuple)
    expected: Sequence[str] = field(default_factory=tuple)
    seconds: float = 0


def look_at_balancer(ask: BalancerQuestions) -> HostState:
    """Return `units`, `servers` and `answers`; see the module `asgi.fleet.balancer_info`."""
    state: HostState = {
        "at": int(time.time()),
        "units": {HAPROXY: server_unit(HAPROXY)},
        "servers": {},
        "answers": {},
        "certificates": {
            site["name"]: certificate_state(site["certificate"])
            for site in ask.sites
            if site.get("certificate")
        },
    }
    if not state["units"][HAPROXY]["active"]:
        return state
    try:
        state["servers"] = _servers(ask)
    except HaproxyError:
        # It starts or stops at this moment; what it answers says the rest.
        state["servers"] = {}
    state["answers"] = {site["name"]: _answer(site, ask.port) for site in ask.sites}
    return state


def _answer(site: Mapping[str, str], port: int) -> HttpsAnswer:
    return ask_https(site["domain"], site["path"], port, "")


def _servers(ask: BalancerQuestions) -> dict[str, BalancedServer]:
    runtime = Runtime(ask.socket)
    deadline = time.monotonic() + ask.seconds
    while True:
        servers = runtime.servers()
        if not missing(servers, ask.expected) or time.monotonic() >= deadline:
            break
        time.sleep(POLL_SECONDS)
    return {
        name: {"serves": one.serves, "drained": one.drained, "check": one.check}
        for name, one in servers.items()
    }


def missing(servers: Mapping[str, ServerState], expected: Sequence[str]) -> list[str]:
    """Return the expected servers that HAProxy has, and that neither serve nor are drained."""
    return [
        name
        for name in expected
        if name in servers and not (servers[name].serves or servers[name].drained)
    ]
