"""Processes, as /proc tells of them."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from ansible_collections.asgi.fleet.plugins.module_utils.host import processes


def test_children_are_found_whatever_they_call_themselves(tmp_path: Path) -> None:
    program = os.fsencode(tmp_path) + b"/) \xff 1 ("
    shutil.copy(os.fsencode(shutil.which("sleep") or ""), program)
    child = subprocess.Popen([program, "60"])
    try:
        assert child.pid in processes.children(os.getpid())
        assert processes.children(child.pid) == []
        assert processes.name_and_parent(child.pid)[1] == os.getpid()
    finally:
        child.kill()
        child.wait()
    assert processes.name_and_parent(child.pid) == ("", 0)
