"""Transient units of systemd, and what their processes cost."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

KIB = 1024


def run(*command: str) -> str:
    """Run a command and return its output; raises `CalledProcessError` when it fails."""
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def start(
    unit: str,
    command: Sequence[str],
    properties: Sequence[str],
    environment: Mapping[str, str] | None = None,
) -> None:
    """Start a transient service; its output goes nowhere, at the cost of formatting it."""
    run(
        *("systemd-run", "--quiet", "--collect", f"--unit={unit}"),
        *("--property=StandardOutput=null", "--property=StandardError=journal"),
        *(f"--property={text}" for text in properties),
        *(f"--setenv={name}={value}" for name, value in (environment or {}).items()),
        *("--", *command),
    )


def stop(unit: str) -> None:
    """Stop a service, running or not; what does not heed SIGTERM is killed after ten seconds."""
    subprocess.run(["systemctl", "stop", unit], capture_output=True, check=False)
    subprocess.run(["systemctl", "reset-failed", unit], capture_output=True, check=False)


def journal(unit: str, lines: int = 20) -> str:
    """Return the last lines of a unit's journal."""
    return run("journalctl", "--no-pager", "--output=cat", f"--unit={unit}", f"--lines={lines}")


def pids(unit: str) -> list[int]:
    """Return the processes of a service, by their cgroup."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                lines = (entry / "cgroup").read_text(encoding="utf-8").splitlines()
                if any(line.endswith(f"/{unit}") for line in lines):
                    found.append(int(entry.name))
    return found


def cpu_seconds(processes: Sequence[int]) -> float:
    """Return the CPU time that the living threads of processes have had.

    By the scheduler's own count in nanoseconds (Documentation/scheduler/sched-stats.rst of Linux):
    proc_pid_stat(5) counts in hundredths of a second, too coarse for a few thousand requests.
    """
    nanoseconds = 0
    for pid in processes:
        for path in Path(f"/proc/{pid}/task").glob("*/schedstat"):
            with contextlib.suppress(OSError):
                nanoseconds += int(path.read_text(encoding="utf-8").split()[0])
    return nanoseconds / 1e9


def memory_mb(processes: Sequence[int]) -> float:
    """Return the memory of processes in MB: pages that several share count once (PSS)."""
    total = 0
    for pid in processes:
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8").splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
    return total / KIB
