"""A process whose parent was killed ends, with the connection that it has started."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from ansible_collections.asgi.fleet.plugins.plugin_utils.entry import orphaned

FOLDER = str(Path(orphaned.__file__).parent)
#: A worker in a session of its own, with a child that takes an hour; it tells both numbers.
PARENT = """
import os, subprocess, sys, time
sys.path.insert(0, sys.argv[1])
import orphaned
orphaned.LOOK_SECONDS = 0.05
if os.fork() == 0:
    os.setsid()
    with orphaned.ending_with_parent():
        child = subprocess.Popen(["sleep", "3600"])
        print(os.getpid(), child.pid, flush=True)
        child.wait()
        time.sleep(3600)
time.sleep(3600)
"""


def runs(pid: str) -> bool:
    """Tell whether a process runs; one that has ended may wait for a parent that never asks."""
    try:
        return Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_worker_and_its_connection_end_with_ansible() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, FOLDER], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        worker, connection = parent.stdout.readline().split()
        time.sleep(0.3)
        assert runs(worker)
        assert runs(connection)
        parent.kill()
        deadline = time.monotonic() + 10
        while runs(worker) or runs(connection):
            assert time.monotonic() < deadline, "they live on"
            time.sleep(0.05)
