"""Serving speed on one host: what this project deploys, against what a user would pick instead.

In one run and in turns, with the same source, versions, requests and load tool (wrk, on the host):
the guides' commands, granian, hypercorn and Gunicorn's own `asgi` worker, all behind the guides'
nginx, and what deploy.yml has put there, behind its own. Takes a host of an inventory, deploys a
copy of app/ with some routes more, and leaves that live; `make demo` makes one:

    python -m bench.serve                  # five rounds
    python -m bench.serve --rounds 1 --seconds 2

The last line printed is one JSON object: for each way and each kind of request the medians of
`rps`, `p50_ms`, `p99_ms`, `cpu_ms` (CPU of server and nginx for a request) and `memory_mb` (of the
server, PSS), and `ratio`, ours to each way. WebSockets are not in it yet: wrk does not speak them.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.asgi.fleet.plugins.plugin_utils.tuning.script import load_script

from bench.releases import ROOT, BenchError, execute, inventory_host, say
from bench.serving import FOLDER, OURS

#: Routes besides the sample application's own.
ROUTES = """
import asyncio
import time
from fastapi import Response
BODY = bytes(64 * 1024)
def kilobytes() -> Response:
    return Response(BODY, media_type="application/octet-stream")
def blocking() -> dict[str, str]:
    time.sleep(0.01)
    return {"waited": "in a thread"}
async def waiting() -> dict[str, str]:
    await asyncio.sleep(0.01)
    return {"waited": "in the loop"}
app.add_api_route("/64k", kilobytes)
app.add_api_route("/blocking", blocking)
app.add_api_route("/waiting", waiting)
"""
#: The requests of each kind.
KINDS: dict[str, dict[str, Any]] = {
    "json": {"path": "/whoami"},
    "64k": {"path": "/64k"},
    "blocking": {"path": "/blocking"},
    "waiting": {"path": "/waiting"},
    "upload": {"path": "/upload", "method": "POST", "body": "x" * 65536},
}
FIGURES = ("rps", "p50_ms", "p99_ms", "cpu_ms", "memory_mb")
LINES = FOLDER / "lines.jsonl"


def medians(lines: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, dict[str, float]]]:
    """Return the medians over the rounds, by way and kind; with errors, their number as well."""
    found: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for line in lines:
        if "problem" not in line:
            found.setdefault((line["way"], line["kind"]), []).append(line)
    told: dict[str, dict[str, dict[str, float]]] = {}
    for (way, kind), rounds in found.items():
        middle = {key: statistics.median(float(one[key]) for one in rounds) for key in FIGURES}
        failed = sum(int(one["failed"]) for one in rounds)
        told.setdefault(way, {})[kind] = middle | ({"failed": failed} if failed else {})
    return told


def ratios(lines: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Return how many times the requests a second of each way ours serves, by way and kind.

    Ratios of one round each, and the median of those: the machine is not equally fast in all.
    """
    rps = {
        (line["way"], line["kind"], line["round"]): float(line["rps"])
        for line in lines
        if "problem" not in line
    }
    found: dict[tuple[str, str], list[float]] = {}
    for (way, kind, number), value in rps.items():
        ours = rps.get((OURS, kind, number))
        if way != OURS and ours and value:
            found.setdefault((way, kind), []).append(ours / value)
    told: dict[str, dict[str, float]] = {}
    for (way, kind), several in found.items():
        told.setdefault(way, {})[kind] = round(statistics.median(several), 2)
    return told


def measured(inventory: Path, host: str, rounds: int, seconds: int) -> list[dict[str, Any]]:
    """Deploy, measure on the host, and return the measurements.

    Raises:
        BenchError: Something failed; with the end of its output.
    """
    name, variables = inventory_host(inventory, host or None)
    app, domains = variables["app_name"], variables["app_domain"]
    domain = domains if isinstance(domains, str) else domains[0]
    with tempfile.TemporaryDirectory(prefix="asgi-fleet-bench-") as temporary:
        folder = Path(temporary)
        source = Path(shutil.copytree(ROOT / "app", folder / "app"))
        with (source / "main.py").open("a", encoding="utf-8") as main:
            main.write(ROUTES)
        say("deploying")
        given = json.dumps({"app_source": {"type": "path", "path": str(source)}})
        at = f"--inventory={inventory}"
        execute("ansible-playbook", at, f"--limit={name}", "deploy.yml", f"--extra-vars={given}")
        # Not in the folder of the environment, which is made anew.
        scripts = folder / "scripts"
        scripts.mkdir()
        for kind, request in KINDS.items():
            (scripts / f"{kind}.lua").write_text(load_script([request], domain, "/"), "utf-8")
        copied = f"src={scripts}/ dest=/root/fleet-bench-scripts/ mode=0644"
        execute("ansible", at, name, "--become", "-m", "copy", "-a", copied)
        paths = " ".join(f"/root/fleet-bench-scripts/{kind}.lua" for kind in KINDS)
        say(f"measuring on {name}")
        call = f"{ROOT}/bench/serving.py {app} {domain} {rounds} {seconds} {paths}"
        execute(
            *("ansible", at, name, "--become", "-m", "script"),
            *("-a", f"executable=python3 {call}"),
        )
        target = folder / "lines.jsonl"
        fetched = f"src={LINES} dest={target} flat=true"
        execute("ansible", at, name, "--become", "-m", "fetch", "-a", fetched)
        return [json.loads(line) for line in target.read_text("utf-8").splitlines()]


def main() -> int:
    """Parse the command line and measure.

    Returns:
        The exit status.
    """
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--inventory", type=Path, default=ROOT / "inventory" / "demo")
    parser.add_argument("--host", default="", help="of the group app; the first by default")
    parser.add_argument("--rounds", type=int, default=5, help="in turns")
    parser.add_argument("--seconds", type=int, default=5, help="of each load")
    arguments = parser.parse_args()
    try:
        lines = measured(
            arguments.inventory.resolve(), arguments.host, arguments.rounds, arguments.seconds
        )
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    problems = {line["way"]: line["problem"] for line in lines if "problem" in line}
    result = {"rounds": arguments.rounds, "ways": medians(lines), "ratio": ratios(lines)}
    print(json.dumps({"bench": "serve", **result, **({"problems": problems} if problems else {})}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
