"""What runs once in the fleet: whether one host runs it, and no other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.asgi.fleet.plugins.plugin_utils.report.timers import named

States = Mapping[str, Mapping[str, Any] | None]


def homeless(states: States, *, whole: bool) -> Iterator[tuple[str, str, str]]:
    """Yield what shall run on one host of the fleet, and does so on none, or on several.

    Args:
        states: Host to the `state` of `asgi.fleet.app_info`.
        whole: Whether all hosts were asked, and not only those of a --limit.

    Yields:
        A host, what was seen, and what to do.
    """
    silent = any(not state or "error" in state for state in states.values())
    for (application, runs), hosts in _by_singleton(states).items():
        homes = [host for host, here in hosts.items() if here]
        expected = f"expected one host of {application}"
        if len(homes) > 1:
            yield (
                homes[-1],
                f"the {runs} on {named(homes)}; {expected}",
                "run ansible-playbook deploy.yml",
            )
        elif whole and not silent and not homes:
            yield (
                min(hosts),
                f"the {runs} on no host; {expected}",
                "run ansible-playbook deploy.yml; if all hosts are drained: playbooks/undrain.yml",
            )


def _by_singleton(states: States) -> dict[tuple[str, str], dict[str, bool]]:
    """Return the hosts that have each of them, and whether it runs there."""
    found: dict[tuple[str, str], dict[str, bool]] = {}
    for host, state in states.items():
        if not state:
            continue
        here = {
            f"timer {timer['name']} elapses": bool(timer["due"])
            for timer in state.get("timers") or []
            if timer["once_per_fleet"]
        }
        told = state.get("singletons") or {}
        here |= {f"process {name} runs": told["here"] for name in told.get("processes", [])}
        for runs, is_here in here.items():
            found.setdefault((str(state["application"]), runs), {})[host] = is_here
    return found
