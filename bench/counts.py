"""Measures what counting requests costs: `app_metrics` on and off, in turns, on this machine.

    python -m bench.counts [--rounds 5] [--seconds 4]     # one JSON line

One worker of the role serves app/ on a unix socket, as a slot does, without nginx. One connection
asks it for `/` as fast as it answers. Keys: `rps_without` and `rps_with`, the medians of the
rounds; `ratio`, the median of the rounds' own ratios, in which the machine's other load is the
same; `cpu_us_without` and `cpu_us_with`, the worker's CPU time for a request; `cpu_ratio`.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from bench.servers import APP, ROOT, base_environment, cpu_seconds, wait_for

SETTINGS = """
import sys
sys.path.insert(0, {files!r})
from draining_worker import DrainingWorker, Slot
from request_counts import Counting

slot = Slot({folder!r} + "/blue.sock", {folder!r} + "/live.sock", {folder!r}, "/healthz",
            "localhost", linger=1, drain=1, request_timeout=5, boot_timeout=60)
bind = "unix:" + slot.socket
worker_class = "draining_worker.DrainingWorker"
DrainingWorker.slot = slot
if {counts!r}:
    DrainingWorker.around = Counting({folder!r}, "blue", "/healthz").begin
worker_tmp_dir = {folder!r}
loglevel = "error"
control_socket_disable = True
"""
REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
FILES = ROOT / "roles" / "gunicorn_service" / "files"


@contextmanager
def slot(counts: bool) -> Iterator[tuple[str, list[int]]]:
    """Run a slot with one worker; yields its socket and the worker's PID."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        settings = Path(folder, "conf.py")
        text = SETTINGS.format(files=str(FILES), folder=folder, counts=counts)
        settings.write_text(text, encoding="utf-8")
        command = [sys.executable, "-m", "gunicorn", "--config", str(settings), "main:app"]
        master = subprocess.Popen(command, cwd=APP, env=base_environment())
        try:
            if not wait_for(lambda: any(Path(folder).glob("worker-*.json")), 60):
                raise RuntimeError("the worker does not become healthy")
            [report] = Path(folder).glob("worker-*.json")
            yield f"{folder}/blue.sock", [int(report.stem.partition("-")[2])]
        finally:
            master.send_signal(signal.SIGTERM)
            master.wait(30)


def measure(path: str, worker: list[int], seconds: float) -> tuple[float, float]:
    """Return the requests a second, and the worker's CPU time for each in microseconds."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        count = 0
        spent, began = cpu_seconds(worker), time.monotonic()
        while time.monotonic() - began < seconds:
            connection.sendall(REQUEST)
            answer = connection.recv(65536)
            while b"\r\n\r\n" not in answer or not answer.endswith(b"}"):
                answer += connection.recv(65536)
            count += 1
        elapsed = time.monotonic() - began
        return count / elapsed, (cpu_seconds(worker) - spent) / count * 1e6


def main() -> int:
    """Measure, and print one JSON line."""
    parser = argparse.ArgumentParser(description="Measure what counting requests costs.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0)
    options = parser.parse_args()
    rounds: list[dict[bool, tuple[float, float]]] = []
    with slot(counts=False) as without, slot(counts=True) as counting:
        for number in range(options.rounds):
            # Each goes first as often as the other.
            order = (False, True) if number % 2 else (True, False)
            rounds.append(
                {on: measure(*(counting if on else without), options.seconds) for on in order}
            )
    figures = {
        "cores": os.cpu_count(),
        "rounds": options.rounds,
        "rps_without": round(median(one[False][0] for one in rounds)),
        "rps_with": round(median(one[True][0] for one in rounds)),
        "ratio": round(median(one[True][0] / one[False][0] for one in rounds), 3),
        "cpu_us_without": round(median(one[False][1] for one in rounds), 1),
        "cpu_us_with": round(median(one[True][1] for one in rounds), 1),
        "cpu_ratio": round(median(one[True][1] / one[False][1] for one in rounds), 3),
    }
    print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
