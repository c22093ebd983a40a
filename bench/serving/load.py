"""The load: wrk of the distribution, and for WebSockets bench/serving/echo.py."""

from __future__ import annotations

import json
import resource
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bench.serving.plan import Kind

#: Seconds that the load may take longer than it was asked to.
GRACE_SECONDS = 20.0
THREADS = 2

SCRIPT = """\
local body = {body}
if body > 0 then
  wrk.method = "POST"
  wrk.body = string.rep("x", body)
  wrk.headers["Content-Type"] = "application/octet-stream"
end

done = function(summary, latency)
  local e = summary.errors
  print(string.format(
    '{{"requests":%d,"seconds":%f,"p50_ms":%f,"p99_ms":%f,"failed":%d}}',
    summary.requests, summary.duration / 1e6,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    e.connect + e.read + e.write + e.timeout + e.status
  ))
end
"""


@dataclass(frozen=True)
class Load:
    """What a load has counted; `cpu_seconds` is the CPU time of the load tool itself."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    failed: int
    cpu_seconds: float


def script(kind: Kind, folder: Path) -> Path:
    """Write wrk's script for a kind of requests, and return its path."""
    path = folder / f"{kind.name}.lua"
    path.write_text(SCRIPT.format(body=kind.body), encoding="utf-8")
    return path


def ask(kind: Kind, url: str, seconds: float, folder: Path, python: Path) -> Load:
    """Load one server for a while.

    Args:
        kind: What to ask for.
        url: `https://name:port` or `http://name:port`.
        seconds: For how long.
        folder: Where the scripts are.
        python: The interpreter that has what the WebSocket client imports.

    Raises:
        CalledProcessError: The load tool has failed.
    """
    if kind.websocket:
        command = [
            *(str(python), "-m", "bench.serving.echo", url, kind.path),
            *(str(kind.connections), str(seconds)),
        ]
    else:
        command = [
            *("wrk", f"--threads={THREADS}", f"--connections={kind.connections}"),
            *(f"--duration={max(1, round(seconds))}s", "--timeout=10s"),
            *("--latency", f"--script={folder / kind.name}.lua", url + kind.path),
        ]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=seconds + GRACE_SECONDS
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Load(**json.loads(result.stdout.splitlines()[-1]), cpu_seconds=cpu)
