"""What the processes of a slot hold of the host's memory. Only reads."""

from __future__ import annotations

import re

from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.host.processes import read_process
from ansible_collections.asgi.fleet.plugins.module_utils.host.systemd import show
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.state import SlotMemory
from ansible_collections.asgi.fleet.plugins.module_utils.slots.health import workers_of


def slot_memory(application: Application) -> SlotMemory | None:
    """Return what the live slot holds; None if none runs."""
    name = application.live_slot()
    master = int(show(application.slot(name).units[1])["MainPID"] or 0) if name else 0
    if not master:
        return None
    held = [memory_mb(pid) for pid in workers_of(master)]
    return {
        "workers": len(held),
        "largest_mb": max(held, default=0),
        "slot_mb": memory_mb(master) + sum(held),
    }


def memory_mb(pid: int) -> int:
    """Return a process's share of memory in MiB: shared pages are divided among the processes.

    From proc_pid_smaps(5), Pss; the sum over a service's processes is what it really uses.
    """
    found = re.search(r"^Pss:\s+(\d+) kB", read_process(f"/proc/{pid}/smaps_rollup"), re.MULTILINE)
    return round(int(found.group(1)) / 1024) if found else 0
