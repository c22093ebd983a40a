"""The fleet that is drilled: who is asked, whether it is fit for it, and is as it was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.asgi.fleet.plugins.plugin_utils.drill.card import differences

HTTPS_PORT = 443


def servers(
    names: Sequence[str], hostvars: Mapping[str, Mapping[str, Any]], *, balanced: bool
) -> list[dict[str, Any]]:
    """Return what a load asks: the balancers, or without one, the hosts.

    Args:
        names: Of the balancers or hosts.
        hostvars: The variables of all hosts.
        balanced: Whether they are balancers.
    """
    port = "haproxy_balancer_https_port" if balanced else "nginx_site_https_port"
    return [
        {
            "name": name,
            "address": str(
                hostvars[name].get("fleet_address") or hostvars[name].get("ansible_host") or name
            ),
            "port": int(hostvars[name].get(port) or HTTPS_PORT),
        }
        for name in names
    ]


def begin_lines(found: Mapping[str, Any], hosts: Sequence[str]) -> list[str]:
    """Return what an operator reads before anything is broken.

    Args:
        found: What the step `checked` found.
        hosts: The hosts.
    """
    request, app = found["request"], found["app"]
    names = [one["name"] for one in request["exercises"]]
    asked = ", ".join(server["name"] for server in found["servers"])
    return [
        f"drill {found['id']} of {app} on {', '.join(hosts)}: "
        f"{', '.join(names) or 'no exercise, it only puts right what an earlier one has left'}",
        f"load: {request['rate']} requests a second from {found['loader']} to {asked}, "
        f"https://{found['domain']}{found['path']}",
        "if it is interrupted: hosts undo what is broken by themselves, within 15 minutes; the "
        f"rest: ansible-playbook playbooks/drill.yml -e drill={app} -e drill_only=mend",
    ]


def ready(looks: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the release that is live on all hosts.

    Args:
        looks: What `asgi.fleet.app_info` returned, by host.

    Raises:
        ValueError: The fleet is not well, so a drill would show nothing.
    """
    wrong = []
    lives = {}
    for host, look in looks.items():
        state = look.get("state")
        if not state:
            wrong.append(f"{host}: {str(look.get('msg') or 'no answer').strip()}")
            continue
        if not state["live"]:
            wrong.append(f"{host} has no live release")
            continue
        lives[host] = str(state["live"]["release"])
        wrong += differences({host: state}, {host: state})
    if len(set(lives.values())) > 1:
        told = ", ".join(f"{release} on {host}" for host, release in lives.items())
        wrong.append(f"different releases are live: {told}")
    if wrong:
        raise ValueError(
            f"the fleet is not well: {'; '.join(wrong)}; expected one release live and served on "
            "every host, with all workers healthy and no lock; see ansible-playbook "
            "playbooks/verify.yml, put that right, and drill again"
        )
    return next(iter(lives.values()))


def needs_mending(states: Mapping[str, Mapping[str, Any]], release: str, who: str) -> bool:
    """Return whether a host has another release live, or a lock of this operator.

    Args:
        states: The states of the hosts, by host.
        release: What is to be live.
        who: Who runs the drill.
    """
    return any(
        "live" in state
        and (
            (state["live"] or {}).get("release") != release
            or (state["lock"] or {}).get("who") == who
        )
        for state in states.values()
    )
