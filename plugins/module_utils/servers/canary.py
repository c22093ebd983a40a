"""The share of the requests that the canary of a rollout gets, by HAProxy's weights.

All of it is pure; the module `balancer_canary` is what carries it out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.asgi.fleet.plugins.module_utils.servers.runtime_socket import (
    HaproxyError,
    ServerState,
)


@dataclass(frozen=True)
class Share:
    """What a site's canary gets.

    Attributes:
        weights: The weights to set, by `backend/server`; empty when the share stays as it is.
        told: What it gets, or why that stays as it is.
    """

    weights: Mapping[str, int]
    told: str


def plan_share(
    servers: Mapping[str, ServerState], site: str, canary: Sequence[str], percent: int
) -> Share:
    """Return the weights with which the canary gets its share; it never gets more than before.

    Args:
        servers: The state of all, by `backend/server`.
        site: The backend.
        canary: Names of its servers.
        percent: How many of 100 requests they get together.

    Raises:
        HaproxyError: A server is unknown.
    """
    of_site = {name: state for name, state in servers.items() if name.split("/")[0] == site}
    wanted = [f"{site}/{name}" for name in canary]
    if unknown := [name for name in wanted if name not in of_site]:
        raise HaproxyError(
            f"{', '.join(unknown)} is not a server of haproxy; expected one of "
            f"{', '.join(sorted(of_site)) or 'none at all'}; "
            "run: ansible-playbook playbooks/balancer.yml"
        )
    some = [name for name in wanted if not of_site[name].drained]
    rest = [
        state.full_weight for name, state in of_site.items() if name not in wanted and state.serves
    ]
    if not some:
        return Share({}, f"{site}: the canary is drained and gets nothing")
    if not rest:
        return Share({}, f"{site}: the canary gets every request, since no other host serves")
    full = sum(of_site[name].full_weight for name in some)
    natural = 100 * full / (full + sum(rest))
    if percent >= natural:
        return Share({}, f"{site}: the canary gets its full share, {natural:.0f} % of the requests")
    # Of all of them together; HAProxy knows whole weights only.
    each = max(1, round(sum(rest) * percent / (100 - percent) / len(some)))
    share = 100 * each * len(some) / (each * len(some) + sum(rest))
    names = ", ".join(name.split("/")[1] for name in some)
    return Share(
        dict.fromkeys(some, each),
        f"{site}: {names} {'gets' if len(some) == 1 else 'get'} {share:.1f} % of the requests "
        f"instead of {natural:.0f} %",
    )


def lowered(servers: Mapping[str, ServerState], sites: Iterable[str]) -> list[str]:
    """Return the servers of some sites that are not drained and have less than their full weight.

    Args:
        servers: The state of all, by `backend/server`.
        sites: The backends.
    """
    named = set(sites)
    return [
        name
        for name, state in servers.items()
        if name.split("/")[0] in named and not state.drained and state.weight < state.full_weight
    ]


def unit(site: str) -> str:
    """Return the name of the timer that ends a canary's lower share."""
    return f"haproxy-canary-{site}"


def timer(site: str, seconds: int, program: str) -> list[str]:
    """Return the command that has the balancer itself end a lower share.

    A controller that is gone, or was interrupted, cannot.
    """
    return [
        "systemd-run",
        "--quiet",
        "--collect",
        f"--unit={unit(site)}",
        f"--on-active={seconds}",
        "--timer-property=AccuracySec=1s",
        program,
        site,
    ]
