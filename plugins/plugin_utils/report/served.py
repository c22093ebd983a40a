"""What a visitor gets of each host: through nginx there, and through the balancers. Pure text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.asgi.fleet.plugins.module_utils.protocol.front import Fault, front_fault

HAPROXY = "haproxy.service"

#: Balancer to the `state` of `asgi.fleet.balancer_info`; with only `error` if it is not known.
Balancers = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Served:
    """Whether visitors are served by a host.

    Attributes:
        faults: Why not, the hop next to the application first.
        drained: The balancers at which an operator has drained it.
        maintenance: Whether they get the maintenance page.
        cut_off: Whether no balancer serves anybody.
    """

    faults: tuple[Fault, ...] = ()
    drained: tuple[str, ...] = ()
    maintenance: bool = False
    cut_off: bool = False


def served(
    host: str, app: str, front: Mapping[str, Any] | None, balancers: Balancers | None = None
) -> Served:
    """Return whether visitors are served by a host whose application is healthy.

    Args:
        host: Its name in the inventory.
        app: Its application.
        front: `nginx`, `https` and `maintenance_since`, as the host told; None if not asked.
        balancers: The balancers.
    """
    known = front or {}
    maintenance = known.get("maintenance_since") is not None
    own = front_fault(known.get("nginx"), known.get("https"), maintenance=maintenance)
    drained, faults = [], [own] if own else []
    for balancer, state in (balancers or {}).items():
        server = (state.get("servers") or {}).get(f"{app}/{host}")
        # Before balancer.yml a new host is not known there.
        if server is None or server["serves"]:
            continue
        if server["drained"]:
            drained.append(balancer)
        elif own is None:
            faults.append(_not_taken(host, balancer, str(server["check"])))
    return Served(tuple(faults), tuple(drained), maintenance, bool(unserving(balancers or {})))


def _not_taken(host: str, balancer: str, check: str) -> Fault:
    told = f" (its check: {check})" if check else ""
    return Fault(
        f"{balancer} sends it no requests{told}",
        f"on {balancer}: journalctl -u haproxy -n 20; from there, is the firewall of {host} open, "
        "and its certificate trusted? ansible-playbook playbooks/balancer.yml",
        f"down at {balancer}",
    )


def balancer_faults(state: Mapping[str, Any]) -> list[Fault]:
    """Return why a balancer does not serve its visitors.

    Args:
        state: Of `asgi.fleet.balancer_info`, without `error`.
    """
    unit = (state.get("units") or {}).get(HAPROXY)
    if unit and not unit["active"]:
        return [
            Fault(
                f"{HAPROXY} is not running",
                f"journalctl -u {HAPROXY}; systemctl start {HAPROXY}",
                "down",
                closed=True,
            )
        ]
    faults = []
    for site, answer in (state.get("answers") or {}).items():
        seen = ""
        if answer["status"] == 0:
            seen = f"it does not answer HTTPS for {site} ({answer['error'] or 'no answer'})"
        elif answer["refused"]:
            seen = f"visitors refuse its certificate for {site}: {answer['refused']}"
        elif answer["status"] == 503:
            seen = f"it answers the health path of {site} with 503: no host of {site} serves"
        elif answer["status"] != 200:
            seen = f"it answers the health path of {site} with {answer['status']}; expected 200"
        if seen:
            todo = "ansible-playbook playbooks/status.yml; ansible-playbook playbooks/balancer.yml"
            faults.append(Fault(seen, todo, seen))
    return faults


def is_set_up(state: Mapping[str, Any]) -> bool:
    """Return whether a balancer has ever been configured: its fleet may be new."""
    return any(unit["active"] or unit["enabled"] for unit in (state.get("units") or {}).values())


def unserving(balancers: Balancers) -> list[str]:
    """Return the balancers, if none of them serves its visitors."""
    asked = {name: state for name, state in balancers.items() if is_set_up(state)}
    closed = [name for name, state in asked.items() if balancer_faults(state)]
    return closed if len(closed) == len(asked) else []


def known_balancers(registered: object) -> dict[str, dict[str, Any]]:
    """Return the states of the balancers, from the loop that asked them.

    Args:
        registered: What the task registered; its loop variable is `__asked_balancer`.
    """
    results = registered.get("results") if isinstance(registered, Mapping) else None
    states: dict[str, dict[str, Any]] = {}
    for one in results if isinstance(results, list) else []:
        name = str(one.get("__asked_balancer"))
        if "state" in one:
            states[name] = one["state"]
        elif one.get("unreachable") or one.get("failed"):
            states[name] = {"error": str(one.get("msg") or "no answer").strip().partition("\n")[0]}
    return states


def told(faults: Iterable[Fault]) -> list[str]:
    """Return faults as text, each with what to do."""
    return [f"{fault.seen}; to do: {fault.todo}" for fault in faults]
