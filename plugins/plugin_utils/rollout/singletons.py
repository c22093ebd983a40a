"""Which host of a fleet runs what must run on one host only: processes and timers."""

from __future__ import annotations

from collections.abc import Collection, Sequence


def home(hosts: Sequence[str], serving: Collection[str], holder: str = "") -> str:
    """Return the host that runs what runs once in a fleet; empty if no host serves.

    It is the first that serves, in the order of the inventory. But the host that runs it now keeps
    it for as long as it serves: each move is an interruption, and neither a new host nor another
    order in the inventory is a reason for one.

    Args:
        hosts: All hosts of the application, in the order of the inventory.
        serving: Those that serve: neither drained, nor removed, nor out of reach.
        holder: The host that runs it now; empty for none.
    """
    able = [host for host in hosts if host in serving]
    if holder in able:
        return holder
    return able[0] if able else ""
