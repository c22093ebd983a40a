"""Processes of a host, from /proc."""

from __future__ import annotations

import os


def read_process(path: str) -> str:
    """Return a file of /proc; empty if the process has ended."""
    try:
        # A process name may contain any bytes.
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def name_and_parent(pid: int) -> tuple[str, int]:
    """Return the name of a process (at most 15 bytes) and its parent's PID; "" and 0 if gone."""
    # A process name may contain spaces and parentheses: the fields begin after the last one.
    start, _parenthesis, rest = read_process(f"/proc/{pid}/stat").rpartition(")")
    fields = rest.split()
    return (start.partition("(")[2], int(fields[1])) if len(fields) > 1 else ("", 0)


def children(pid: int) -> list[int]:
    """Return the PIDs of a process's children."""
    entries = (int(entry) for entry in os.listdir("/proc") if entry.isdigit())
    return sorted(entry for entry in entries if name_and_parent(entry)[1] == pid)
