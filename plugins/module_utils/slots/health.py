"""Whether a slot is healthy: its unit, each of its workers, and its socket. Only reads.

The application may write the workers' reports, and answers on the socket: neither is trusted. Of a
worker class that writes none, it must do that the planned workers run and that one of them answers.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Slot
from ansible_collections.asgi.fleet.plugins.module_utils.host.exchange import (
    SECONDS,
    Unanswered,
    get_unix,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host.processes import children
from ansible_collections.asgi.fleet.plugins.module_utils.host.systemd import awaits_restart
from ansible_collections.asgi.fleet.plugins.module_utils.host.untrusted import (
    UntrustedError,
    read_json_object,
)
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.text import printable

#: Characters of an answer that are shown.
EXCERPT = 300
#: The largest report, in bytes: draining_worker.py writes at most 300 of the answer, escaped.
REPORT_BYTES = 8 * 1024
#: What is told of an import in the master, at most.
MOST_DOUBTS = 10
#: Children of a master that are looked at; more than the workers that a slot may have.
MOST_CHILDREN = 1000


@dataclass(frozen=True)
class Health:
    """What is healthy: status 200 for `path`, and an answer that contains `body`, if given."""

    path: str
    host: str
    timeout: float
    body: str = ""
    #: How the variables of path and host begin, for messages.
    prefix: str = "app_"


#: Answers other than 5xx that may become 200 by waiting (RFC 9110 section 15.5, RFC 6585): the
#: application is busy, locked, or limits how often it is asked.
PASSING = frozenset((408, 409, 423, 425, 429))


@dataclass(frozen=True)
class Report:
    """What a worker reported last: status and answer of its own health request.

    Attributes:
        status: 0 for none.
        answer: The beginning of the answer.
        problem: Why the report does not count; empty for one that does.
    """

    status: int
    answer: str
    problem: str = ""


def crash(state: dict[str, str]) -> str | None:
    """Return how the service crashed, or None while it starts or runs."""
    if state["ActiveState"] in ("failed", "inactive") and state["Result"] != "success":
        return f"failed at start ({state['Result']}, exit status {state['ExecMainStatus']})"
    if awaits_restart(state) or state["NRestarts"] not in ("", "0"):
        return f"crashed at start (exit status {state['ExecMainStatus']})"
    return None


def unhealthy(
    slot: Slot, health: Health, workers: int, state: dict[str, str], seconds: float = SECONDS
) -> str | None:
    """Return why the slot is not healthy, or None when it is.

    Args:
        slot: The slot.
        health: What is healthy.
        workers: How many workers must be.
        state: The properties of its service.
        seconds: How long its answer may take.
    """
    if state["ActiveState"] != "active":
        importing = state["ActiveState"] == "activating" and slot.preloads()
        why = f", its master still imports the application ({health.prefix}preload)"
        return f"the service is {state['ActiveState']}{why if importing else ''}"
    running = workers_of(int(state["MainPID"]))
    if slot.proves_workers():
        problem = _unproven(worker_reports(slot, running), health.path, workers)
    elif len(running) < workers:
        problem = f"{len(running)} of {workers} workers run"
    else:
        problem = None
    if problem:
        return problem
    try:
        status, body = get_unix(slot.socket, health.path, health.host, seconds)
    except Unanswered as error:
        return f"{slot.socket} {error}"
    if status != 200:
        return f"{health.path} answered {status}: {body[:EXCERPT]}"
    if health.body and health.body not in body:
        return f"{health.path} answered without {health.body!r}: {body[:EXCERPT]}"
    return None


def doubts(slot: Slot) -> list[str]:
    """Return what an import in the master has left behind that may not survive a fork.

    Only of a slot that imports there; else a report may be of another start.
    """
    if not slot.preloads():
        return []
    base, folder = os.path.split(slot.runtime_directory)
    try:
        told = read_json_object(base, folder, "preload.json", limit=REPORT_BYTES)
    except UntrustedError:
        return []
    found = (told or {}).get("doubtful")
    if not isinstance(found, list):
        return []
    return [printable(one[:EXCERPT]) for one in found[:MOST_DOUBTS] if isinstance(one, str)]


def final_answer(slot: Slot, health: Health, state: dict[str, str]) -> Report | None:
    """Return an answer to a health request that no waiting makes right, or None.

    Args:
        slot: The slot.
        health: What is healthy.
        state: The properties of its service.
    """
    if state["ActiveState"] != "active":
        return None
    reports = list(worker_reports(slot, workers_of(int(state["MainPID"]))).values())
    if not slot.proves_workers():
        try:
            status, body = get_unix(slot.socket, health.path, health.host)
        except Unanswered:
            return None
        reports.append(Report(status, body[:EXCERPT]))
    return next((report for report in reports if is_final(report.status)), None)


def is_final(status: int) -> bool:
    """Return whether an answer stays what it is: no success, and no state of the server."""
    return 200 < status < 500 and status not in PASSING


def _unproven(reports: dict[int, Report], path: str, workers: int) -> str | None:
    """Return why the workers' reports do not prove that so many are healthy, or None."""
    for report in reports.values():
        if report.problem:
            return report.problem
    healthy = [report for report in reports.values() if report.status == 200]
    if len(healthy) >= workers:
        return None
    told = f"{len(healthy)} of {workers} workers answered {path} with 200"
    for report in reports.values():
        if report.status != 200:
            return f"{told}; last answer: {report.status} {report.answer}"
    return told


def workers_of(master_pid: int) -> list[int]:
    """Return the PIDs of a master's living children, and of no more than can be workers."""
    return children(master_pid)[:MOST_CHILDREN]


def worker_reports(slot: Slot, workers: list[int]) -> dict[int, Report]:
    """Return the last report of each worker that has one, by PID."""
    found = ((pid, _report(slot, f"worker-{pid}.json")) for pid in workers)
    return {pid: report for pid, report in found if report is not None}


def _report(slot: Slot, name: str) -> Report | None:
    # Only the folder itself is the application's; the one above it is root's.
    base, folder = os.path.split(slot.runtime_directory)
    try:
        told = read_json_object(base, folder, name, limit=REPORT_BYTES)
    except UntrustedError as error:
        return Report(0, "", f"worker report {error}")
    if told is None:
        return None
    status, answer = told.get("status"), told.get("answer")
    if (
        isinstance(status, int)
        # JSON's true is an int in Python.
        and not isinstance(status, bool)
        and 0 <= status <= 999
        and isinstance(answer, str)
    ):
        return Report(status, printable(answer[:EXCERPT]))
    path = os.path.join(slot.runtime_directory, name)
    return Report(0, "", f"worker report {path}: has no status and answer")
