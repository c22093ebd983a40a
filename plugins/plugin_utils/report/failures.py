"""Why a task failed, from Ansible's result, for the operator who reads the end of a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def failure_reason(result: Mapping[str, Any] | None, otherwise: str) -> str:
    """Return why a task failed.

    Args:
        result: The failed result, as `ansible_failed_result` has it in a rescue; None or empty on a
            host that did not fail itself. For a loop, the reason is that of the first failed item;
            Ansible itself only says that one failed.
        otherwise: What to return when no reason is known.
    """
    found = result or {}
    for item in found.get("results") or []:
        if item.get("failed"):
            return failure_reason(item, otherwise)
    return str(found.get("msg") or otherwise).strip()


#: What a playbook lets pass when a module has refused (`is_refusal`), to show it at the end.
JUDGED = ("rollout_begun", "python_release_result", "rollout_backup", "__hook_once")


def early_end(
    hostvars: Mapping[str, Mapping[str, Any]], hosts: Iterable[str], otherwise: str
) -> list[str]:
    """Return why a rollout ended before its first wave: each reason once, with its hosts.

    Args:
        hostvars: The variables of each host: results of `JUDGED`, and in a rescue
            `ansible_failed_result`.
        hosts: The hosts of the play.
        otherwise: What to say of hosts that did not fail themselves.
    """
    reasons = {}
    others = []
    for host in hosts:
        results = [hostvars[host].get(name) or {} for name in JUDGED]
        refused = next((result for result in results if result.get("is_refusal")), None)
        failed = hostvars[host].get("ansible_failed_result") or {}
        # Not the message of a task that only says: see below.
        reason = failure_reason(refused or ({} if failed.get("reason_follows") else failed), "")
        if any(result.get("unreachable") for result in results):
            reason = "did not answer"
        if reason:
            reasons[host] = reason
        else:
            others.append(host)
    lines = grouped(reasons)
    return [*lines, *([f"{', '.join(others)}: {otherwise}"] if others else [])]


def grouped(reasons: Mapping[str, str]) -> list[str]:
    """Return each reason once, with its hosts.

    Reasons that begin with the same line are one: what follows, such as a journal, differs between
    hosts in times and process ids. That of the first host is enough.
    """
    hosts: dict[str, list[str]] = {}
    for host, reason in reasons.items():
        hosts.setdefault(reason.partition("\n")[0], []).append(host)
    return [f"{', '.join(named)}: {reasons[named[0]]}" for named in hosts.values()]
