"""`app_recycle`: when the live release is started anew, and in which order the hosts do so."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ansible_collections.asgi.fleet.plugins.module_utils.protocol.recycle import start_seconds
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import (
    Findings,
    Problem,
    seen,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.sizing.worker_class import DRAINING, PLAIN
from ansible_collections.asgi.fleet.plugins.plugin_utils.text.numbers import integer

if TYPE_CHECKING:
    from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.examination import Examination

KEYS = ("after", "memory")
_SPAN = re.compile(r"([1-9]\d{0,5})([mhd])", re.ASCII)
_SECONDS = {"m": 60, "h": 3600, "d": 86400}
#: Each recycle is a start of the application: not more often than this, nor a timer without use.
SHORTEST, LONGEST = 600, 30 * 86400
#: A host that looks more rarely, in seconds, may miss its turns for days.
RARELY = 60
_PERCENT = re.compile(r"(\d{1,3})%", re.ASCII)
#: Less is the memory of an application that has just started; more leaves no time to start anew.
LEAST, MOST = 20, 95


def recycle(value: object, findings: Findings) -> dict[str, int]:
    """Check when a slot is due; empty for never.

    Returns:
        `after_seconds` and `memory_percent`, of which 0 is none.
    """
    if value in ({}, None):
        return {}
    if not isinstance(value, dict):
        findings.refuse(seen(value), 'a mapping such as {after: 12h, memory: "80%"}')
        return {}
    for key in sorted(str(key) for key in value.keys() - set(KEYS)):
        findings.refuse("not a key", " and ".join(KEYS), "remove it", at=f".{key}")
    return {
        "after_seconds": _after(value["after"], findings) if "after" in value else 0,
        "memory_percent": _memory(value["memory"], findings) if "memory" in value else 0,
    }


def _after(value: object, findings: Findings) -> int:
    found = _SPAN.fullmatch(value) if isinstance(value, str) else None
    seconds = int(found[1]) * _SECONDS[found[2]] if found else 0
    if not SHORTEST <= seconds <= LONGEST:
        findings.refuse(
            seen(value),
            "a time from 10m to 30d, in minutes, hours or days, such as 12h",
            at=".after",
        )
    return seconds


def _memory(value: object, findings: Findings) -> int:
    found = _PERCENT.fullmatch(value) if isinstance(value, str) else None
    percent = int(found[1]) if found else 0
    if not LEAST <= percent <= MOST:
        findings.refuse(
            seen(value),
            f'a share of MemoryMax= from "{LEAST}%" to "{MOST}%", in quotes',
            at=".memory",
        )
    return percent


def recycle_problems(deployment: Mapping[str, Any], given: Mapping[str, Any]) -> list[Problem]:
    """Return a problem if each recycle would lose requests, or the host would miss its turns.

    Args:
        deployment: The checked variables; may lack invalid ones.
        given: The role variables of the host that the user has set.
    """
    chosen = given.get("gunicorn_service_worker_class", DRAINING)
    findings = Findings("app_recycle")
    if deployment.get("app_recycle") and chosen in PLAIN:
        findings.refuse(
            f"set, and gunicorn_service_worker_class is {chosen}",
            f"{DRAINING}, since a slot of another class loses requests when it stops",
            "remove one of both",
        )
    looks = given.get("gunicorn_service_recycle_check_seconds", RARELY)
    # What is no number at all is refused for every variable of a role.
    whole = integer(looks)
    if deployment.get("app_recycle") and whole is not None and not 1 <= whole <= RARELY:
        of_role = Findings("gunicorn_service_recycle_check_seconds")
        of_role.refuse(
            seen(looks),
            f"a number of seconds from 1 to {RARELY}, since a turn has two minutes in which a "
            "recycle may begin",
        )
        return findings.problems + of_role.problems
    return findings.problems


def turns(
    examinations: Mapping[str, Examination], others: Mapping[str, Examination] | None = None
) -> dict[str, dict[str, float]]:
    """Return `gunicorn_service_recycle` of each host that is deployed to and recycles.

    Args:
        examinations: The hosts that are deployed to.
        others: Hosts of the inventory that `--limit` leaves out: they have their turns as well.
    """
    everyone = {**(others or {}), **examinations}
    hosts_of: dict[str, list[str]] = {}
    longest: dict[str, float] = {}
    for host, one in sorted(everyone.items()):
        app = one.deployment.get("app_name", "")
        hosts_of.setdefault(app, []).append(host)
        # A host that does not recycle has no turn to be as long as the others'.
        if one.deployment.get("app_recycle"):
            longest[app] = max(longest.get(app, 0), _start_seconds(one.deployment))
    found = {}
    for host, one in examinations.items():
        if wanted := one.deployment.get("app_recycle"):
            app = one.deployment.get("app_name", "")
            found[host] = {
                **wanted,
                "place": hosts_of[app].index(host),
                "hosts": len(hosts_of[app]),
                "start_seconds": longest[app],
            }
    return found


def _start_seconds(deployment: Mapping[str, Any]) -> float:
    """Return what a recycle of a host may take; of what is not valid, nothing counts."""
    processes = deployment.get("app_processes", [])
    return start_seconds(
        deployment.get("app_health_timeout", 0),
        [(process["overlap"], process["stop_timeout"]) for process in processes],
    )
