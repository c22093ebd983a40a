"""Why a task failed, from Ansible's result, for the operator who reads the end of a run."""

from __future__ import annotations

from collections.abc import Mapping
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
