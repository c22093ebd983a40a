"""What an application does once for all of its hosts must be the same on each of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import Findings, Problem

if TYPE_CHECKING:
    from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.examination import Examination

    Examinations = Mapping[str, Examination]

#: The phases of `app_hooks` whose commands run on the first host of a rollout.
PHASES = ("before_rollout", "after_rollout")


def once_problems(examinations: Examinations, others: Examinations | None = None) -> list[Problem]:
    """Return a problem for each thing that is done once, and that some of the hosts do not have.

    It would be done nowhere where the host that has to do it is one of these.

    Args:
        examinations: The hosts that are deployed to, in the order of the inventory.
        others: Hosts of the inventory that `--limit` leaves out, as far as they are known: what
            runs on one host may move to them.
    """
    everyone = {**examinations, **(others or {})}
    return [
        problem
        for app in dict.fromkeys(_name(one) for one in examinations.values())
        if app
        for problem in (*_hooks(app, examinations), *_singletons(app, everyone))
    ]


def _hooks(app: str, examinations: Examinations) -> Iterator[Problem]:
    hosts = _hosts(app, "app_hooks", examinations)
    for phase in PHASES:
        having = [host for host, one in hosts.items() if one.deployment["app_hooks"][phase]]
        first = next(iter(hosts), "")
        if having and first not in having:
            findings = Findings("app_hooks")
            findings.refuse(
                f"set on {having[0]}, and not on {first}, where a rollout runs it",
                f"the same commands on all hosts of {app}, since they run once",
                at=f".{phase}",
            )
            yield replace(findings.problems[0], hosts=(first, having[0]))


def _singletons(app: str, examinations: Examinations) -> Iterator[Problem]:
    for variable in ("app_processes", "app_timers"):
        names = {
            host: [entry["name"] for entry in one.deployment[variable] if entry["once_per_fleet"]]
            for host, one in _hosts(app, variable, examinations).items()
        }
        for name in sorted({name for of_host in names.values() for name in of_host}):
            having = [host for host, of_host in names.items() if name in of_host]
            lacking = [host for host in names if host not in having]
            if not lacking:
                continue
            findings = Findings(variable)
            findings.refuse(
                f"once_per_fleet on {having[0]}, and not on {lacking[0]}",
                f"the same on all hosts of {app}, since it runs on one of them and moves",
                at=f".{name}",
            )
            yield replace(findings.problems[0], hosts=(having[0], lacking[0]))


def _hosts(app: str, variable: str, examinations: Examinations) -> dict[str, Examination]:
    """Return the hosts of an application of which a variable is known, and valid."""
    return {
        host: one
        for host, one in examinations.items()
        if _name(one) == app and variable in one.deployment
    }


def _name(examination: Examination) -> str:
    return str(examination.deployment.get("app_name", ""))
