"""Whether a slot is healthy: its unit, each of its workers, and its socket. Only reads."""

from __future__ import annotations

import http.client
import json
import os
import socket
from dataclasses import dataclass

from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Slot
from ansible_collections.asgi.fleet.plugins.module_utils.host.files import read_text


@dataclass(frozen=True)
class Health:
    """What is healthy: status 200 for `path`, and an answer that contains `body`, if given."""

    path: str
    host: str
    timeout: float
    body: str = ""


def crash(state: dict[str, str]) -> str | None:
    """Return how the service crashed, or None while it starts or runs."""
    if state["ActiveState"] in ("failed", "inactive") and state["Result"] != "success":
        return f"failed at start ({state['Result']}, exit status {state['ExecMainStatus']})"
    if state["SubState"] == "auto-restart" or state["NRestarts"] not in ("", "0"):
        return f"crashed at start (exit status {state['ExecMainStatus']})"
    return None


def unhealthy(slot: Slot, health: Health, workers: int, state: dict[str, str]) -> str | None:
    """Return why the slot is not healthy, or None when it is."""
    if state["ActiveState"] != "active":
        return f"the service is {state['ActiveState']}"
    reports = worker_reports(slot, int(state["MainPID"]))
    healthy = [report for report in reports.values() if report["status"] == 200]
    if len(healthy) < workers:
        path = health.path
        told = f"{len(healthy)} of {workers} workers answered {path} with 200"
        for report in reports.values():
            if report["status"] != 200:
                return f"{told}; last answer: {report['status']} {report['answer']}"
        return told
    try:
        status, body = get(slot.socket, health.path, health.host)
    except (OSError, http.client.HTTPException) as error:
        return f"{slot.socket} did not answer: {error!r}"
    if status != 200:
        return f"{health.path} answered {status}: {body[:300]}"
    if health.body and health.body not in body:
        return f"{health.path} answered without {health.body!r}: {body[:300]}"
    return None


def worker_reports(slot: Slot, master_pid: int) -> dict[int, dict[str, object]]:
    """Return the last report of each living worker of the master, by PID."""
    reports: dict[int, dict[str, object]] = {}
    for pid in children(master_pid):
        text = read_text(os.path.join(slot.runtime_directory, f"worker-{pid}.json"))
        if text:
            reports[pid] = json.loads(text)
    return reports


def children(pid: int) -> list[int]:
    """Return the PIDs of a process's children, from /proc."""
    found: list[int] = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        # A process name may contain spaces and parentheses: the fields begin after the last one.
        fields = read_process(f"/proc/{entry}/stat").rpartition(")")[2].split()
        if len(fields) > 1 and int(fields[1]) == pid:
            found.append(int(entry))
    return sorted(found)


def read_process(path: str) -> str:
    """Return a file of /proc; empty if the process has ended."""
    try:
        # A process name may contain any bytes.
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def get(path: str, target: str, host: str, timeout: float = 10.0) -> tuple[int, str]:
    """Send one GET over a unix socket; return status and body."""
    connection = http.client.HTTPConnection(host, timeout=timeout)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.settimeout(timeout)
    try:
        connection.sock.connect(path)
        connection.request(
            "GET", target, headers={"X-Forwarded-Proto": "https", "Connection": "close"}
        )
        answer = connection.getresponse()
        return answer.status, answer.read(65536).decode(errors="replace")
    finally:
        connection.close()
