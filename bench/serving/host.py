"""Measures servers on this host, for bench/serve.py, which copies this package here.

    python3 -m bench.serving.host prepare demo demo.localhost
    python3 -m bench.serving.host round 1 1 json,64k
    python3 -m bench.serving.host costs 5 / 16 3000
    python3 -m bench.serving.host remove

As root, with the host's Python and nothing else. The servers run one at a time, as the deployed
application's account, with its code, its settings and its versions, on one port of loopback. What
they print goes nowhere. The live slot runs all the time, idle when it is not its turn.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.serving import costs, load, nginx, units
from bench.serving.plan import (
    CONTENDERS,
    GUIDES_PORT,
    KINDS,
    OURS,
    SERVER_PORT,
    SETTINGS,
    Contender,
    Kind,
)
from bench.serving.variants import VariantError

FOLDER = Path("/var/lib/fleet-bench")
CODE = FOLDER / "code"
ENVIRONMENT = FOLDER / "venv"
STATE = FOLDER / "state.json"
#: Where the result of a round is, for the controller to fetch.
RESULT = FOLDER / "result.json"
SERVER, GUIDES = "fleet-bench-server.service", "fleet-bench-guides.service"
HOSTS = Path("/etc/hosts")
HOSTS_MARK = "# bench/serving/host.py"

#: Seconds that a server may take until all of its workers have answered.
START_SECONDS = 60.0
#: Seconds of load before the first measurement of a server.
WARM_SECONDS = 1.0
#: What the live slot's processes have and the others get as well: where the data is, and who asks.
KEPT = ("FLEET_", "STATE_DIRECTORY", "DATABASE_PATH", "GREETING", "LANG", "PYTHON", "MALLOC_")
#: Between two kinds of requests, for the connections of the last one to end.
PAUSE_SECONDS = 0.2


class HostError(Exception):
    """The host cannot go on; the message says why."""


@dataclass(frozen=True)
class Deployed:
    """What is deployed on this host.

    Attributes:
        app: Its `app_name`.
        domain: Its name, which leads to this host from itself.
        slot: The live slot.
        user: The application's account.
        source: The folder of its code.
        environment: What its processes have of variables, without secrets and what systemd sets.
        workers: How many workers it has.
        cores: How many cores the host has.
    """

    app: str
    domain: str
    slot: str
    user: str
    source: str
    environment: dict[str, str]
    workers: int
    cores: int

    @property
    def unit(self) -> str:
        """The service of the live slot."""
        return f"{self.app}@{self.slot}.service"

    @classmethod
    def look(cls, app: str, domain: str) -> Deployed:
        """Return what is deployed; raises `OSError` if nothing is."""
        slot = Path(f"/var/lib/{app}/live.sock").readlink().stem
        unit = Path(f"/etc/systemd/system/{app}@{slot}.service").read_text(encoding="utf-8")
        settings = Path(f"/etc/{app}/{slot}/gunicorn.conf.py").read_text(encoding="utf-8")
        processes = units.pids(f"{app}@{slot}.service")
        raw = Path(f"/proc/{processes[0]}/environ").read_bytes().decode()
        pairs = (entry.partition("=")[::2] for entry in raw.split("\0") if entry)
        return cls(
            app=app,
            domain=domain,
            slot=slot,
            user=value(unit, "User="),
            source=f"{Path(f'/opt/{app}/slots/{slot}').resolve()}/src",
            environment={name: text for name, text in pairs if name.startswith(KEPT)},
            workers=int(value(settings, "workers = ")),
            cores=len(os.sched_getaffinity(0)),
        )


def value(text: str, prefix: str) -> str:
    """Return what follows `prefix` on the first line that starts with it."""
    return next(line.removeprefix(prefix) for line in text.splitlines() if line.startswith(prefix))


def prepare(app: str, domain: str) -> None:
    """Install the servers and the load tool, and start the guides' nginx."""
    live = Deployed.look(app, domain)
    STATE.write_text(json.dumps(asdict(live)), encoding="utf-8")
    units.run("apt-get", "install", "--yes", "--quiet", "--no-install-recommends", "wrk")
    release = Path(live.source).parent
    python = (release / ".venv/bin/python").resolve()
    units.run(str(python), "-m", "venv", str(ENVIRONMENT))
    units.run(
        *(str(ENVIRONMENT / "bin/pip"), "install", "--quiet", "--require-hashes"),
        *("--only-binary=:all:", "--requirement", str(CODE / "bench/serving/requirements.txt")),
    )
    for kind in KINDS:
        load.script(kind, FOLDER)
    settings = Path(f"/etc/{app}/{live.slot}/gunicorn.conf.py").read_text(encoding="utf-8")
    own = settings.replace(f'"/run/{app}/{live.slot}",', f'"/run/{SERVER}",')
    (FOLDER / "gunicorn.conf.py").write_text(own, encoding="utf-8")
    forget_name()
    with HOSTS.open("a", encoding="utf-8") as hosts:
        hosts.write(f"127.0.0.1 {domain} {HOSTS_MARK}\n")
    configuration = FOLDER / "guides.conf"
    configuration.write_text(nginx.guides(FOLDER, app, domain), encoding="utf-8")
    nginx.start(GUIDES, configuration)


@contextmanager
def running(contender: Contender, live: Deployed) -> Iterator[str]:
    """Have a server for a while.

    Yields:
        The unit that it runs in.

    Raises:
        HostError: It does not answer.
    """
    if not contender.command:
        yield live.unit
        return
    words = [
        str(FOLDER / "gunicorn.conf.py") if word == SETTINGS else word
        for word in contender.line(live.cores)
    ]
    units.stop(SERVER)
    units.start(
        SERVER,
        [str(ENVIRONMENT / "bin" / words[0]), *words[1:]],
        [
            *(f"User={live.user}", f"WorkingDirectory={live.source}", f"RuntimeDirectory={SERVER}"),
            *("LimitNOFILE=65536", "KillMode=mixed", "TimeoutStopSec=5"),
            # The slot's own processes are asked as they are, in their sandbox.
            *(sandbox(Path(f"/etc/systemd/system/{live.unit}")) if contender.direct else ()),
        ],
        live.environment,
    )
    try:
        await_workers(contender.workers(live.cores) or live.workers)
        yield SERVER
    finally:
        units.stop(SERVER)


def sandbox(unit: Path) -> list[str]:
    """Return the options of a slot's sandbox, but that it may be asked over loopback."""
    text = unit.read_text(encoding="utf-8").partition("\n# sandbox")[2].partition("\n[Install]")[0]
    lines = (line for line in text.splitlines() if re.match(r"[A-Z]\w+=", line))
    return [line for line in lines if not line.startswith("IPAddress")]


def await_workers(count: int) -> None:
    """Wait until so many processes have answered; raises `HostError` if they do not."""
    deadline = time.monotonic() + START_SECONDS
    seen: set[int] = set()
    while len(seen) < count:
        if time.monotonic() > deadline:
            said = units.journal(SERVER)
            raise HostError(
                f"{len(seen)} of {count} workers answer after {START_SECONDS:g} s:\n{said}"
            )
        try:
            url = f"http://127.0.0.1:{SERVER_PORT}/whoami"
            with urllib.request.urlopen(url, timeout=5) as answer:
                seen.add(json.load(answer)["pid"])
        except (OSError, urllib.error.URLError):
            time.sleep(0.1)


def measure(contender: Contender, live: Deployed, kinds: list[Kind], seconds: float) -> list[Any]:
    """Measure one server with each kind of request.

    Returns:
        One object for each kind; its keys are those of docs/performance.md.
    """
    results = []
    with running(contender, live) as unit:
        if contender.direct:
            url, front = f"http://{live.domain}:{SERVER_PORT}", ""
        elif contender.name == OURS:
            url, front = f"https://{live.domain}:443", "nginx.service"
        else:
            url, front = f"https://{live.domain}:{GUIDES_PORT}", GUIDES
        python = ENVIRONMENT / "bin/python"
        load.ask(kinds[0], url, WARM_SECONDS, FOLDER, python)
        server, proxy = units.pids(unit), units.pids(front) if front else []
        for kind in kinds:
            time.sleep(PAUSE_SECONDS)
            before = units.cpu_seconds(server), units.cpu_seconds(proxy)
            counted = load.ask(kind, url, seconds * kind.times, FOLDER, python)
            after = units.cpu_seconds(server), units.cpu_seconds(proxy)
            thousands = max(counted.requests, 1) / 1000
            results.append(
                {
                    "contender": contender.name,
                    "kind": kind.name,
                    "requests": counted.requests,
                    "failed": counted.failed,
                    "rps": counted.requests / counted.seconds,
                    "p50_ms": counted.p50_ms,
                    "p99_ms": counted.p99_ms,
                    "server_cpu": (after[0] - before[0]) / thousands,
                    "nginx_cpu": (after[1] - before[1]) / thousands,
                    "load_cpu": counted.cpu_seconds / thousands,
                }
            )
        memory = {"server_mb": units.memory_mb(server), "nginx_mb": units.memory_mb(proxy)}
    return [{**result, **memory} for result in results]


def one_round(number: int, seconds: float, kinds: list[Kind], names: list[str]) -> None:
    """Measure every server once, in the other order in every second round."""
    live = Deployed(**json.loads(STATE.read_text(encoding="utf-8")))
    chosen = [one for one in CONTENDERS if not names or one.name in names]
    results: list[Any] = []
    for contender in chosen if number % 2 else chosen[::-1]:
        try:
            results += measure(contender, live, kinds, seconds)
        except subprocess.CalledProcessError as error:
            raise HostError(f"{contender.name}: {error}: {error.stderr}") from error
        except HostError as error:
            raise HostError(f"{contender.name}: {error}") from error
    RESULT.write_text(json.dumps(results), encoding="utf-8")


def all_costs(rounds: int, part: str, ask: costs.Ask) -> None:
    """Measure what the parts of the deployed nginx cost, in turns and to and fro."""
    live = Deployed(**json.loads(STATE.read_text(encoding="utf-8")))
    python = ENVIRONMENT / "bin/python"
    results: list[Any] = []
    with costs.copies(FOLDER, part) as ports:
        for number in range(rounds):
            turn = ports[::-1] if number % 2 else ports
            results += costs.one_round(turn, live.domain, ask, live.unit, python)
    RESULT.write_text(json.dumps(results), encoding="utf-8")


def remove() -> None:
    """Remove all that `prepare` has made, but not the package of the load tool."""
    for unit in (SERVER, GUIDES):
        units.stop(unit)
    forget_name()
    shutil.rmtree(FOLDER, ignore_errors=True)


def forget_name() -> None:
    """Take the application's name out of /etc/hosts; in place, since a container's is a mount."""
    lines = HOSTS.read_text(encoding="utf-8").splitlines(keepends=True)
    HOSTS.write_text("".join(x for x in lines if HOSTS_MARK not in x), encoding="utf-8")


def main() -> int:
    """Parse the command line and run.

    Returns:
        The exit status.
    """
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    verbs = parser.add_subparsers(dest="verb", required=True)
    preparing = verbs.add_parser("prepare")
    preparing.add_argument("app")
    preparing.add_argument("domain")
    measuring = verbs.add_parser("round")
    measuring.add_argument("number", type=int)
    measuring.add_argument("seconds", type=float)
    measuring.add_argument("kinds", nargs="?", default=",".join(kind.name for kind in KINDS))
    measuring.add_argument("names", nargs="*")
    costing = verbs.add_parser("costs")
    costing.add_argument("rounds", type=int)
    costing.add_argument("path")
    costing.add_argument("connections", type=int)
    costing.add_argument("count", type=int)
    costing.add_argument("part", nargs="?", default="")
    verbs.add_parser("remove")
    arguments = parser.parse_args()
    try:
        if arguments.verb == "prepare":
            prepare(arguments.app, arguments.domain)
        elif arguments.verb == "remove":
            remove()
        elif arguments.verb == "costs":
            ask = costs.Ask(arguments.path, arguments.connections, arguments.count)
            all_costs(arguments.rounds, arguments.part, ask)
        else:
            wanted = arguments.kinds.split(",")
            kinds = [kind for kind in KINDS if kind.name in wanted]
            one_round(arguments.number, arguments.seconds, kinds, arguments.names)
    except subprocess.CalledProcessError as error:
        print(f"bench: {error}: {error.stderr}", file=sys.stderr)
        return 1
    except (HostError, VariantError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
