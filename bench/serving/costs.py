"""Measures what single parts of this project's nginx cost: CPU, in turns with the deployed one.

The copies of variants.py run side by side, and get the same number of requests one after the other.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.serving import nginx, units, variants

#: Seconds until a copy of nginx has its workers.
START_SECONDS = 2.0


def unit_of(number: int) -> str:
    """Return the unit of a copy."""
    return f"fleet-bench-copy{number}.service"


@dataclass(frozen=True)
class Ask:
    """What each copy is asked: `count` requests for `path` on so many connections."""

    path: str
    connections: int
    count: int


@contextmanager
def copies(folder: Path, part: str) -> Iterator[list[tuple[str, str, int]]]:
    """Have the copies of nginx for a while: as deployed, and those with `part` in their names.

    Yields:
        The name, the unit and the port of each.
    """
    found = []
    try:
        for number, variant in enumerate(variants.NGINX):
            if number and part not in variant.name:
                continue
            main, port = variants.make(folder / f"copy-{number}", number, variant)
            nginx.start(unit_of(number), main)
            found.append((variant.name, unit_of(number), port))
        time.sleep(START_SECONDS)
        yield found
    finally:
        for number in range(len(variants.NGINX)):
            units.stop(unit_of(number))


def cost(
    python: Path, url: str, ask: Ask, groups: Sequence[Sequence[int]]
) -> tuple[float, list[float]]:
    """Send requests.

    Returns:
        The requests a second, and the CPU seconds of each group of processes.

    Raises:
        CalledProcessError: The load has failed.
    """
    words = (url, ask.path, str(ask.connections), str(ask.count))
    command = [str(python), "-m", "bench.serving.warm", *words]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None  # noqa: S101 - a pipe was asked for
        assert process.stdout is not None  # noqa: S101 - a pipe was asked for
        process.stdout.readline()
        before = [units.cpu_seconds(group) for group in groups]
        process.stdin.write("\n")
        process.stdin.flush()
        said = json.loads(process.stdout.readline() or '{"failed": 1}')
        after = [units.cpu_seconds(group) for group in groups]
    if process.returncode or said["failed"]:
        raise subprocess.CalledProcessError(process.returncode, command, stderr=json.dumps(said))
    spent = [late - early for early, late in zip(before, after, strict=True)]
    return ask.count / said["seconds"], spent


def one_round(
    ports: Sequence[tuple[str, str, int]], domain: str, ask: Ask, live_unit: str, python: Path
) -> list[Any]:
    """Measure every copy once.

    Returns:
        Of each its name, the microseconds of CPU of nginx and of the application's processes for a
        request, and the requests a second.
    """
    seen = []
    for name, unit, port in ports:
        groups = (units.pids(unit), units.pids(live_unit))
        rps, spent = cost(python, f"https://{domain}:{port}", ask, groups)
        nginx_us, server_us = (seconds / ask.count * 1e6 for seconds in spent)
        seen.append({"variant": name, "nginx_us": nginx_us, "server_us": server_us, "rps": rps})
    return seen
