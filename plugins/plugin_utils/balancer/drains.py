"""What a drain did, or its end, as lines of text."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any


def drain_lines(
    results: Mapping[str, Mapping[str, Any]], state: str, *, check_mode: bool = False
) -> list[str]:
    """Return a line for each host: what was done with it at which balancers.

    Args:
        results: What the module `balancer_server` returned, by balancer.
        state: `drained` or `ready`.
        check_mode: Nothing was done.
    """
    hosts: dict[str, dict[str, Mapping[str, Any]]] = {}
    for balancer, result in results.items():
        for server in result["sessions"]:
            hosts.setdefault(server.partition("/")[2], {})[balancer] = _of(server, result)
    return [_line(host, told, state, check_mode) for host, told in hosts.items()]


def _of(server: str, result: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "changed": server in result["changed_servers"],
        "open": result["sessions"][server],
        "seconds": result["waited_seconds"],
    }


def _line(
    host: str, balancers: Mapping[str, Mapping[str, Any]], state: str, check_mode: bool
) -> str:
    changed = [name for name, one in balancers.items() if one["changed"]]
    same = [name for name in balancers if name not in changed]
    does, is_so = (
        ("drained", "drained") if state == "drained" else ("returned to traffic", "in traffic")
    )
    parts = []
    if changed:
        parts.append(f"{'would be ' if check_mode else ''}{does} at {', '.join(changed)}")
    if same:
        parts.append(f"already {is_so} at {', '.join(same)}")
    if not check_mode and (changed or state == "drained"):
        parts.append(_wait(balancers.values(), state))
    return f"{host}: {'; '.join(parts)}"


def _wait(told: Collection[Mapping[str, Any]], state: str) -> str:
    seconds = max(one["seconds"] for one in told)
    waited = f" (waited {seconds:.0f} s)" if seconds >= 1 else ""
    if state != "drained":
        return f"it gets requests again{waited}"
    left = sum(one["open"] for one in told)
    if not left:
        return f"no request is open{waited}"
    more = "; to wait longer: -e drain_seconds=300"
    return f"{left} {'request is' if left == 1 else 'requests are'} still open{waited}{more}"
