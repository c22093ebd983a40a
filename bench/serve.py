"""Measures how fast an application is served: by this project, and by what a guide would set up.

All on one host that deploy.yml has deployed app/ to, as `make demo` does, in one run and in turns:

    python -m bench.serve            # one JSON line
    python -m bench.serve --table    # and the tables of docs/performance.md
    python -m bench.serve --short    # this project, the guide's command and JSON alone, for CI
    python -m bench.serve --costs    # instead: CPU of the deployed nginx with single parts changed

The servers of the guides are behind the guides' nginx, on ports of loopback, with the same
certificate and the same TLS. The load runs on the host too; its CPU is told apart. The exit status
is 1 if a ratio is not what it must be (`broken` in the JSON line); absolute figures never count.

Keys of the JSON line: `rounds`, `seconds` (of a measurement; of JSON three times as many),
`medians` (by server and kind: `rps`, `p50_ms`, `p99_ms`, CPU seconds of 1,000 requests, memory in
MB, `failed` of all rounds), `ratios` (requests a second of this project to each other's, the median
of the rounds), `share` (of the CPU of a request the application's part; the rest is nginx's),
`broken`.
With `--costs`: `costs` (by change: `nginx_us` and `server_us`, microseconds of CPU of a request,
`rps`, and `ratio` and `rps_ratio` to nginx as it is deployed).
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.releases import ROOT, BenchError, execute, inventory_host, say
from bench.serving import summary
from bench.serving.host import CODE, RESULT
from bench.serving.plan import GUIDE, KINDS, OURS

ROUNDS = 5
#: wrk takes whole seconds; JSON, which is compared, gets three times as many.
SECONDS = 1
#: Requests to each copy of nginx in each round.
COSTS_COUNT = 3000
SHORT_KINDS = ("json",)
SHORT_NAMES = (OURS, GUIDE)


@dataclass(frozen=True)
class Bench:
    """The host, and how long to measure.

    Attributes:
        inventories: What has the host in its group `app`.
        host: The host's name there.
        app: Its `app_name`.
        domain: Its first `app_domain`.
        seconds: Of a measurement; of JSON three times as many.
        folder: For temporary files.
    """

    inventories: tuple[Path, ...]
    host: str
    app: str
    domain: str
    seconds: int
    folder: Path

    def ansible(self, module: str, arguments: str) -> None:
        """Run one module on the host."""
        given = (f"--inventory={path}" for path in self.inventories)
        execute("ansible", *given, self.host, "--become", "-m", module, "-a", arguments)

    def on_host(self, *arguments: str) -> None:
        """Run bench/serving/host.py on the host."""
        command = shlex.join(("python3", "-m", "bench.serving.host", *arguments))
        self.ansible("command", f"chdir={CODE} {command}")

    def costs(self, rounds: int, path: str, connections: int, part: str) -> list[Any]:
        """Measure copies of the deployed nginx, and return what was seen."""
        self.on_host("costs", str(rounds), path, str(connections), str(COSTS_COUNT), part)
        return self.result()

    def round(self, number: int, kinds: tuple[str, ...], names: tuple[str, ...]) -> list[Any]:
        """Measure every server once, and return what was seen."""
        self.on_host("round", str(number), str(self.seconds), ",".join(kinds), *names)
        return self.result()

    def result(self) -> list[Any]:
        """Return what the host has written last."""
        target = self.folder / RESULT.name
        self.ansible("fetch", f"src={RESULT} dest={target} flat=true")
        seen: list[Any] = json.loads(target.read_text(encoding="utf-8"))
        return seen


def packed(folder: Path) -> Path:
    """Return an archive of what runs on the host: one transfer instead of one for each file."""
    archive = folder / "code.tar.gz"
    names = ["bench/__init__.py", "bench/serving/requirements.txt"]
    names += [str(path.relative_to(ROOT)) for path in (ROOT / "bench/serving").glob("*.py")]
    with tarfile.open(archive, "w:gz") as tar:
        for name in sorted(names):
            tar.add(ROOT / name, arcname=name)
    return archive


@contextmanager
def prepared(bench: Bench) -> Iterator[None]:
    """Have the other servers on the host for a while."""
    say("installing the other servers on the host")
    try:
        bench.ansible("file", f"path={CODE} state=directory mode=0755")
        bench.ansible("unarchive", f"src={packed(bench.folder)} dest={CODE}")
        bench.on_host("prepare", bench.app, bench.domain)
        yield
    finally:
        bench.on_host("remove")


def report(records: list[Any], rounds: int, seconds: int, *, table: bool) -> int:
    """Print what was measured; return the exit status."""
    broken = summary.broken(records)
    line = {
        "bench": "serve",
        "rounds": rounds,
        "seconds": seconds,
        "medians": summary.medians(records),
        "ratios": summary.ratios(records),
        "share": summary.share(records),
        "broken": broken,
    }
    print(json.dumps(line), flush=True)
    if table:
        print(summary.table(records))
    return 1 if broken else 0


def report_costs(records: list[Any], rounds: int, *, table: bool) -> int:
    """Print what the parts of nginx cost; return the exit status."""
    found = summary.costs(records)
    print(json.dumps({"bench": "serve-costs", "rounds": rounds, "costs": found}), flush=True)
    if table:
        print(summary.costs_table(found))
    return 0


def parse() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--inventory", type=Path, nargs="+", default=[ROOT / "inventory" / "demo"])
    parser.add_argument("--host", help="of the group app; the first by default")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument(
        "--seconds", type=int, default=SECONDS, help="of a measurement; of JSON x 3"
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--short", action="store_true", help="this project, the guide's command and JSON alone"
    )
    what.add_argument(
        "--costs", nargs="?", const="", metavar="PART", help="of all of nginx's, or those so named"
    )
    parser.add_argument("--path", default="/", help="for --costs")
    parser.add_argument("--connections", type=int, default=16, help="for --costs")
    parser.add_argument("--table", action="store_true", help="print Markdown tables at the end")
    return parser.parse_args()


def main() -> int:
    """Parse the command line and measure.

    Returns:
        The exit status.
    """
    arguments = parse()
    kinds = SHORT_KINDS if arguments.short else tuple(kind.name for kind in KINDS)
    names = SHORT_NAMES if arguments.short else ()
    rounds = arguments.rounds
    records: list[Any] = []
    try:
        host, variables = inventory_host(arguments.host, *arguments.inventory)
        domains = variables["app_domain"]
        with tempfile.TemporaryDirectory(prefix="asgi-fleet-bench-") as folder:
            bench = Bench(
                inventories=tuple(path.resolve() for path in arguments.inventory),
                host=host,
                app=variables["app_name"],
                domain=domains if isinstance(domains, str) else domains[0],
                seconds=arguments.seconds,
                folder=Path(folder),
            )
            with prepared(bench):
                if arguments.costs is not None:
                    records = bench.costs(
                        rounds, arguments.path, arguments.connections, arguments.costs
                    )
                    return report_costs(records, rounds, table=arguments.table)
                for number in range(1, rounds + 1):
                    say(f"round {number} of {rounds}")
                    records += bench.round(number, kinds, names)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    return report(records, rounds, arguments.seconds, table=arguments.table)


if __name__ == "__main__":
    sys.exit(main())
