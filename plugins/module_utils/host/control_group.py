"""What is left of a unit that has stopped: `KillMode=process` ends its main process alone."""

from __future__ import annotations

import os
import time

from ansible_collections.asgi.fleet.plugins.module_utils.host import systemd
from ansible_collections.asgi.fleet.plugins.module_utils.host.systemd import Refusal

#: Seconds within which processes must be gone after SIGKILL: only the kernel can hold one longer.
PATIENCE_SECONDS = 10.0
POLL_SECONDS = 0.02


def end(unit: str, patience: float = PATIENCE_SECONDS) -> list[int]:
    """Kill what is left of a stopped unit and see that nothing is; return the PIDs of what was.

    Raises:
        Refusal: Something is still there; the message says what.
    """
    # systemd forgets the group as soon as it is empty.
    group = systemd.show(unit)["ControlGroup"]
    found = left = members(group)
    deadline = time.monotonic() + patience
    while left:
        kill(unit)
        time.sleep(POLL_SECONDS)
        left = members(group)
        if left and time.monotonic() > deadline:
            raise Refusal(
                f"{unit} has stopped, but its processes {', '.join(map(str, left))} are still "
                f"there {patience:g} s after they were killed; expected none, since the kernel "
                "holds a process only while a disk or a network file system does not answer; see "
                f"`systemctl status {unit}` and mend that, or restart the host, and run again"
            )
    return found


def kill(unit: str) -> None:
    """Send SIGKILL to all processes of a unit, as they fork or not; does not wait."""
    systemd.systemctl("kill", "--signal=KILL", unit, check=False)


def members(group: str, proc: str = "/proc") -> list[int]:
    """Return the PIDs in a control group and below; `group` as systemd's ControlGroup names it.

    From /proc, which tells the same wherever the hierarchies of cgroup v1 and v2 are mounted.
    """
    if not group:
        return []
    return sorted(
        int(pid) for pid in os.listdir(proc) if pid.isdigit() and _is_in(pid, group, proc)
    )


def _is_in(pid: str, group: str, proc: str) -> bool:
    try:
        with open(os.path.join(proc, pid, "cgroup"), encoding="utf-8", errors="replace") as file:
            paths = [line.rstrip("\n").split(":", 2)[-1] for line in file]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return any(path == group or path.startswith(f"{group}/") for path in paths)
