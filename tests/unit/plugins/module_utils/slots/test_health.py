"""What the workers of a slot report of themselves, and what is believed of it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Slot
from ansible_collections.asgi.fleet.plugins.module_utils.slots import health

from tests.unit.plugins.module_utils.slot_host import Host


def test_worker_reports_of_dead_workers_do_not_count(host: Host) -> None:
    slot = host.application.slot("blue")
    Path(slot.runtime_directory).mkdir(parents=True)
    Path(slot.runtime_directory, "worker-1.json").write_text('{"status": 200, "answer": ""}')
    assert health.worker_reports(slot, health.workers_of(os.getpid())) == {}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('{"status": 200}', "has no status and answer"),
        ('{"status": "200", "answer": ""}', "has no status and answer"),
        ('{"status": true, "answer": ""}', "has no status and answer"),
        ('{"status": 200, "answer": {}}', "has no status and answer"),
        ("[]", "is JSON, but no object"),
        ("{", "is not JSON"),
    ],
)
def test_report_of_another_shape_makes_the_slot_unhealthy_by_name(
    live: Host, content: str, told: str
) -> None:
    slot = live.application.slot("blue")
    health_wanted = live.desired().health
    state = {"ActiveState": "active", "MainPID": str(os.getpid())}
    assert health.unhealthy(slot, health_wanted, 2, state) is None
    path = Path(slot.runtime_directory, f"worker-{live.workers[0].pid}.json")
    path.write_text(content)
    assert health.unhealthy(slot, health_wanted, 2, state) == f"worker report {path}: {told}"


def test_report_shows_what_steers_a_terminal(host: Host) -> None:
    slot = host.application.slot("blue")
    Path(slot.runtime_directory).mkdir(parents=True)
    told = {"status": 500, "answer": "\x1b[2J" + "x" * 1000}
    Path(slot.runtime_directory, "worker-7.json").write_text(json.dumps(told))
    report = health.worker_reports(slot, [7])[7]
    assert report.answer == "\\x1b[2J" + "x" * (health.EXCERPT - 4)


@pytest.mark.parametrize("status", [201, 204, 301, 302, 400, 401, 403, 404, 405, 410, 421, 451])
def test_answer_that_no_waiting_makes_right_is_final(status: int) -> None:
    assert health.is_final(status)


@pytest.mark.parametrize("status", [0, 200, 408, 409, 423, 425, 429, 500, 502, 503, 504])
def test_answer_that_may_become_right_is_not(status: int) -> None:
    assert not health.is_final(status)


PLAIN = "worker_class = UvicornWorker\n"


def without_reports(host: Host, settings: str) -> Slot:
    """Have the live slot's workers be of a class that reports nothing."""
    slot = host.application.slot("blue")
    for report in Path(slot.runtime_directory).glob("worker-*.json"):
        report.unlink()
    Path(slot.files["settings"]).write_text(settings)
    return slot


@pytest.mark.parametrize(
    ("settings", "healthy"),
    [
        (PLAIN, True),
        ('worker_class = "uvicorn_worker.UvicornWorker"\n', True),
        ("worker_class = DrainingWorker\n", False),
        ('worker_class = "draining_worker.DrainingWorker"\n', False),
        # A template's own subclass.
        ("class Ours(DrainingWorker):\n    pass\n\n\nworker_class = Ours\n", False),
        ("", False),
    ],
)
def test_workers_that_report_nothing_are_healthy_only_if_they_never_do(
    live: Host, settings: str, *, healthy: bool
) -> None:
    slot = without_reports(live, settings)
    state = {"ActiveState": "active", "MainPID": str(os.getpid())}
    problem = health.unhealthy(slot, live.desired().health, 2, state)
    assert problem == (None if healthy else "0 of 2 workers answered /healthz with 200")


def test_plain_workers_must_all_run(live: Host) -> None:
    slot = without_reports(live, PLAIN)
    state = {"ActiveState": "active", "MainPID": str(os.getpid())}
    told = health.unhealthy(slot, live.desired().health, 3, state)
    assert told == "2 of 3 workers run"


def test_plain_workers_must_answer(live: Host) -> None:
    slot = without_reports(live, PLAIN)
    live.answer = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\nbusy"
    state = {"ActiveState": "active", "MainPID": str(os.getpid())}
    told = health.unhealthy(slot, live.desired().health, 2, state)
    assert told is not None
    assert told.startswith("/healthz answered 503")


def test_final_answer_of_plain_workers_is_that_of_the_socket(live: Host) -> None:
    slot = without_reports(live, PLAIN)
    live.answer = b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno"
    state = {"ActiveState": "active", "MainPID": str(os.getpid())}
    wanted = live.desired().health
    assert health.final_answer(slot, wanted, state) == health.Report(404, "no")
    assert health.final_answer(slot, wanted, state | {"ActiveState": "activating"}) is None


def preloading(slot: Slot) -> None:
    path = Path(slot.files["settings"])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("workers = 2\npreload_app = True\n")


def test_a_master_that_still_imports_is_told_of_by_name(live: Host) -> None:
    slot = live.application.slot("blue")
    told = health.unhealthy(slot, live.desired().health, 2, {"ActiveState": "activating"})
    assert told == "the service is activating"
    preloading(slot)
    told = health.unhealthy(slot, live.desired().health, 2, {"ActiveState": "activating"})
    assert told == (
        "the service is activating, its master still imports the application (app_preload)"
    )


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('{"doubtful": ["an event loop (x)"]}', ["an event loop (x)"]),
        ('{"doubtful": ["\\u001b[2J", 5]}', ["\\x1b[2J"]),
        ('{"doubtful": "all"}', []),
        ("{", []),
        ("[]", []),
    ],
)
def test_doubts_of_an_import_are_told_if_they_are_texts(
    host: Host, content: str, told: list[str]
) -> None:
    slot = host.application.slot("blue")
    Path(slot.runtime_directory).mkdir(parents=True)
    Path(slot.runtime_directory, "preload.json").write_text(content)
    assert health.doubts(slot) == []
    preloading(slot)
    assert health.doubts(slot) == told
