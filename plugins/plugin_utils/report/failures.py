"""Why a task failed, from what Ansible keeps of it, for the person who reads the end of a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def failure_reason(result: Mapping[str, Any] | None, otherwise: str) -> str:
    """Return why a task failed.

    Args:
        result: the failed result, as `ansible_failed_result` has it in a rescue; None or empty on a
            host that did not fail itself. Of a loop the first item that failed is told, where
            Ansible only says that one did.
        otherwise: what to say when there is nothing to tell.
    """
    found = result or {}
    for item in found.get("results") or []:
        if item.get("failed"):
            return failure_reason(item, otherwise)
    return str(found.get("msg") or otherwise).strip()
