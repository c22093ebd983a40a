"""What the workers of a slot report of themselves."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from ansible_collections.asgi.fleet.plugins.module_utils.slots import health

from tests.unit.plugins.module_utils.slot_host import Host


def test_children_are_found_whatever_they_call_themselves(tmp_path: Path) -> None:
    program = os.fsencode(tmp_path) + b"/) \xff 1 ("
    shutil.copy(os.fsencode(shutil.which("sleep") or ""), program)
    child = subprocess.Popen([program, "60"])
    try:
        assert child.pid in health.children(os.getpid())
        assert health.children(child.pid) == []
    finally:
        child.kill()
        child.wait()


def test_worker_reports_of_dead_workers_do_not_count(host: Host) -> None:
    slot = host.application.slot("blue")
    Path(slot.runtime_directory).mkdir(parents=True)
    Path(slot.runtime_directory, "worker-1.json").write_text('{"status": 200, "answer": ""}')
    assert health.worker_reports(slot, os.getpid()) == {}
