"""A playbook's output and status are kept, and an interruption reaches it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from ansible_collections.asgi.fleet.plugins.plugin_utils.drill import playing


def test_status_and_output_are_kept(tmp_path: Path) -> None:
    log = tmp_path / "log"
    command = ["sh", "-c", "echo $WORD; echo bad >&2; exit 3"]
    played = playing.play(command, {**os.environ, "WORD": "said"}, log)
    assert played.status == 3
    assert log.read_text() == "said\nbad\n"


def test_an_interruption_is_passed_on_and_waited_for(tmp_path: Path) -> None:
    """As Ansible tells the process of a task to end."""
    ready, reverted = tmp_path / "ready", tmp_path / "reverted"
    rollout = f"trap 'sleep 0.3; touch {reverted}; exit 1' INT; touch {ready}; sleep 60 & wait"
    program = (
        "import os, sys; from pathlib import Path\n"
        "sys.path.insert(0, sys.argv[3]); from playing import play\n"
        "play(['bash', '-c', sys.argv[1]], dict(os.environ), Path(sys.argv[2]))\n"
    )
    folder = str(Path(playing.__file__).parent)
    words = [sys.executable, "-c", program, rollout, str(tmp_path / "log"), folder]
    with subprocess.Popen(words) as process:
        deadline = time.monotonic() + 20
        while not ready.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        # A second one does not cut short what reverts.
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 1
    assert reverted.exists()
