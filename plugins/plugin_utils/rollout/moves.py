"""What must be done so that exactly one host runs what runs once in a fleet."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypedDict

from ansible_collections.asgi.fleet.plugins.plugin_utils.rollout.singletons import home


class Moves(TypedDict):
    """What to do, in this order.

    Keys:
        away: The state of `asgi.fleet.home` for each host that must let go or be marked, by host.
        to: The host that must become the home; empty if none has to.
        lines: What to tell.
        problem: Why nothing can be moved; empty if it can.
    """

    away: dict[str, str]
    to: str
    lines: list[str]
    problem: str


def moves(
    hosts: Sequence[str],
    looks: Mapping[str, Mapping[str, Any]],
    leaving: Collection[str] = (),
    returning: Collection[str] = (),
) -> Moves:
    """Return what to do.

    Args:
        hosts: All hosts of the application, in the order of the inventory.
        looks: What `asgi.fleet.home` told of each, with state `looked`; without `home` for a host
            that did not answer.
        leaving: Hosts that are about to leave, for a while or for good.
        returning: Hosts that may become the home again.
    """
    silent = [host for host in hosts if "home" not in looks.get(host, {})]
    known = {host: looks[host] for host in hosts if host not in silent}
    holders = [host for host, look in known.items() if look["home"]]
    serving = [
        host
        for host, look in known.items()
        if look["live"] and host not in leaving and (not look["left"] or host in returning)
    ]
    holder = next((host for host in holders if host in serving), "")
    chosen = home(hosts, serving, holder)
    away = {host: "away" for host in holders if host != chosen}
    away |= {host: "back" for host in returning if host in known and known[host]["left"]}
    away |= {host: "left" for host in leaving if host in known}
    if not chosen:
        lines = [f"no host is left for what runs once in the fleet ({', '.join(hosts)})"]
        return {"away": away, "to": "", "lines": lines if holders else [], "problem": ""}
    if chosen == holder:
        return {"away": away, "to": "", "lines": [], "problem": ""}
    if silent:
        told = ", ".join(silent)
        problem = (
            f"{told} did not answer and may run what runs once in the fleet; expected an answer "
            f"before {chosen} runs it; bring {told} back or remove it from the inventory, then "
            "run again"
        )
        return {"away": {}, "to": "", "lines": [problem], "problem": problem}
    was = f", until now on {', '.join(holders)}" if holders else ""
    return {
        "away": away,
        "to": chosen,
        "lines": [f"{chosen}: runs what runs once in the fleet{was}"],
        "problem": "",
    }
