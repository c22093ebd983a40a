"""How many processes of a unit the kernel has killed for lack of memory. Only reads.

Two sources. The counter of the unit's cgroup is exact, but knows no time, and begins again when the
unit starts. The journal has a line with the time of each kill, but a container has no kernel log.
"""

# No AnsibleModule here, whose run_command ansible-test asks for.
# pylint: disable=ansible-bad-function

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.asgi.fleet.plugins.module_utils.host.systemd import systemctl
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.state import MemoryKills

#: Seconds that count as recent.
RECENT_SECONDS = 24 * 3600
#: Seconds that reading the journal may take.
TIMEOUT = 10
#: Lines of the journal that are read.
READ_LINES = 1000
#: "A process of this unit has been killed by the OOM killer" (systemd's sd-messages.h).
UNIT_OUT_OF_MEMORY = "fe6faa94e7774663a0da52717891d8ef"
#: The kernel's one line of a kill, by a limit or for the whole host (mm/oom_kill.c).
KERNEL_LINE = re.compile(r"oom-kill:constraint=.*?,task_memcg=([^,]*),task=")
#: The counter: in version 2 of cgroups, and in version 1 with its own tree for memory.
COUNTERS = ("sys/fs/cgroup{}/memory.events", "sys/fs/cgroup/memory{}/memory.oom_control")


def memory_kills(since: Mapping[str, int], root: Path = Path("/")) -> dict[str, MemoryKills]:
    """Return the kills of each unit that has any.

    Args:
        since: Units, each with the time (Unix) from which on lines of the journal concern it.
        root: `/`, or a test's tree.
    """
    now = int(time.time())
    started = unit_starts(systemctl("show", "--timestamp=unix", f"--property={SHOWN}", *since))
    told = killed_units(read_journal(now - RECENT_SECONDS), since)
    found: dict[str, MemoryKills] = {}
    for unit in since:
        at, cgroup = started.get(unit, (0, ""))
        counted = counter(root, cgroup) if cgroup else 0
        lines = told.get(unit, 0)
        # Of a counter that is older, nobody knows when it grew; the journal does.
        recent = max(lines, counted) if at >= now - RECENT_SECONDS else lines
        if counted or recent:
            found[unit] = {"total": max(counted, recent), "recent": recent}
    return found


SHOWN = "Id,ControlGroup,ActiveEnterTimestamp"


def unit_starts(output: str) -> dict[str, tuple[int, str]]:
    """Return when each unit started (Unix time; 0 for never), and its cgroup.

    Args:
        output: What `systemctl show` printed of `SHOWN`, a block for each unit.
    """
    found = {}
    for block in output.strip().split("\n\n"):
        unit = dict(line.partition("=")[::2] for line in block.splitlines())
        at = unit.get("ActiveEnterTimestamp", "").lstrip("@")
        found[unit.get("Id", "")] = (int(at) if at.isdigit() else 0, unit.get("ControlGroup", ""))
    return found


def counter(root: Path, cgroup: str) -> int:
    """Return how many processes of a cgroup were killed since it was made."""
    for place in COUNTERS:
        try:
            text = (root / place.format(cgroup)).read_text(encoding="utf-8")
        except OSError:
            continue
        if match := re.search(r"^oom_kill (\d+)$", text, re.MULTILINE):
            return int(match.group(1))
    return 0


def killed_units(entries: Iterable[Mapping[str, Any]], since: Mapping[str, int]) -> dict[str, int]:
    """Return how many kills the journal tells of, by unit.

    The kernel and systemd tell of the same kills, so the greater number counts.

    Args:
        entries: From `read_journal`.
        since: As for `memory_kills`.
    """
    kernel: dict[str, int] = {}
    manager: dict[str, int] = {}
    for entry in entries:
        at = int(entry.get("__REALTIME_TIMESTAMP", 0)) // 1_000_000
        match = KERNEL_LINE.search(str(entry.get("MESSAGE", "")))
        counts = kernel if match else manager
        names = match.group(1).split("/") if match else [str(entry.get("UNIT", ""))]
        for unit in set(names) & since.keys():
            if at >= since[unit]:
                counts[unit] = counts.get(unit, 0) + 1
    return {unit: max(kernel.get(unit, 0), manager.get(unit, 0)) for unit in {*kernel, *manager}}


def read_journal(since: int) -> list[dict[str, Any]]:
    """Return what the kernel and systemd have logged of kills since a time (Unix)."""
    command = [
        *("journalctl", "--quiet", "--no-pager", "--output=json"),
        *("--output-fields=MESSAGE,UNIT", f"--since=@{since}", f"--lines={READ_LINES}"),
        "--grep=oom-kill:constraint|killed by the OOM killer",
        # Anybody may log with a field UNIT; only systemd is process 1.
        *("_TRANSPORT=kernel", "+", f"MESSAGE_ID={UNIT_OUT_OF_MEMORY}", "_PID=1"),
    ]
    try:
        output = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=TIMEOUT
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    entries = []
    for line in output.decode(errors="replace").splitlines():
        try:
            entries.append(json.loads(line))
        except ValueError:
            continue
    return entries
