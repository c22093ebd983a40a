"""The canaries of a rollout at the balancers: which hosts they are, and what they get."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, TypedDict

#: What a rollout takes besides its timeouts: the balancer ends a lower share by itself only when
#: nobody else will.
MARGIN_SECONDS = 600


class Canary(TypedDict):
    """The hosts of the first wave of an application, as options of `asgi.fleet.balancer_canary`."""

    name: str
    canary: list[str]
    percent: int
    seconds: int


def canaries(
    plan: Mapping[str, Any],
    hostvars: Mapping[str, Mapping[str, Any]],
    hosts: Iterable[str] | None = None,
    stopped: Iterable[str] = (),
) -> list[Canary]:
    """Return the canaries of a rollout that are to get a share of the requests.

    Args:
        plan: From `plan_waves`.
        hostvars: The variables of each host: `deployment` is used.
        hosts: Only canaries that are among these hosts, such as those of a wave.
        stopped: Applications whose canaries are left out.
    """
    found = []
    left_out = set(stopped)
    among = None if hosts is None else set(hosts)
    for application, waves in plan["waves"].items():
        deployment = hostvars[waves[0][0]]["deployment"]
        chosen = among is None or among.intersection(waves[0])
        if deployment["fleet_canary_percent"] is None or application in left_out or not chosen:
            continue
        found.append(
            Canary(
                name=application,
                canary=list(waves[0]),
                percent=deployment["fleet_canary_percent"],
                seconds=_longest(deployment),
            )
        )
    return found


def _longest(deployment: Mapping[str, Any]) -> int:
    """Return the seconds after which the canary has been judged, and reverted if it must be."""
    hooks = deployment["app_hooks"]
    of_hooks = sum(
        hook["timeout"]
        for phase in ("before_activate", "after_activate")
        for hook in hooks.get(phase, [])
    )
    starts = 4 * deployment["app_health_timeout"]
    return int(deployment["fleet_soak_seconds"] + of_hooks + starts + MARGIN_SECONDS)


def canary_lines(
    results: Mapping[str, Mapping[str, Any]], state: str, *, check_mode: bool = False
) -> list[str]:
    """Return lines of text: what the canaries get at each balancer.

    Args:
        results: What the module `balancer_canary` returned, by balancer.
        state: `lowered` or `full`.
        check_mode: Nothing was done.
    """
    lines = []
    for balancer, result in results.items():
        if result.get("failed") or result.get("unreachable"):
            lines.append(
                f"{balancer}: it did not give the canary its full share again: "
                f"{str(result.get('msg', 'no reason given')).strip()}; it does so by itself when "
                "the time of the canary is over"
            )
        elif state == "lowered":
            lines += [f"{balancer}: {text}" for text in result["told"]]
        elif changed := result["changed_servers"]:
            lines.append(
                f"{balancer}: {', '.join(changed)} {_get(changed, check_mode=check_mode)} the full "
                "share of the requests again"
            )
    return lines


def _get(servers: Collection[str], *, check_mode: bool) -> str:
    if check_mode:
        return "would get"
    return "gets" if len(servers) == 1 else "get"
