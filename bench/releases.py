"""Counts the requests that fail during releases, in three ways on the same host in one run.

This project's (`playbooks/release.yml`: the idle slot and a renamed link), `systemctl restart` of
Gunicorn on a TCP port, and a new upstream with `nginx -s reload`. All behind the same nginx, under
the load of tests/load. Takes a host that deploy.yml has deployed app/ to, as `make demo` does:

    python -m bench.releases

The last line printed is one JSON object: `requests`, `failed`, `releases`, `p99_ms` and `max_ms` of
this project's way, and the same of the others under `systemctl_restart` and `nginx_reload`.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bench import reference

ROOT = Path(__file__).resolve().parent.parent
#: Gets a line for each failed request.
LOGS = ROOT / ".cache" / "logs"

#: Seconds of load before the first release and after the last.
MARGIN_SECONDS = 3.0
#: Seconds that one way may take beyond its budget: its last release.
LAST_RELEASE_SECONDS = 120.0
#: What the JSON line keeps of each run.
KEYS = ("requests", "failed", "p99_ms", "max_ms", "rps", "failed_by_kind", "retryable")
TAIL_LINES = 40


class BenchError(Exception):
    """The bench cannot go on; the message says why."""


@dataclass(frozen=True)
class Bench:
    """What to measure, and how long; times in seconds.

    Attributes:
        inventory: Inventory with the host in its group `app`.
        host: The host's name there.
        app: Its `app_name`.
        domain: Its first `app_domain`.
        connect: ADDRESS:PORT at which this machine reaches the host's port 443.
        releases: Releases of each way, at most.
        budget: After this time this project's way starts no further release; the others, which
            install nothing, have a third of it.
        rate: Requests a second, at most.
        folder: For temporary files.
    """

    inventory: Path
    host: str
    app: str
    domain: str
    connect: str
    releases: int
    budget: float
    rate: float
    folder: Path

    def link_swap(self) -> int:
        """Releases a copy of app/, changed each time, by the project's own playbook.

        Returns:
            The number of releases.
        """
        copy = shutil.copytree(ROOT / "app", self.folder / "app", dirs_exist_ok=True)
        source = {
            "app_source": {"type": "path", "path": str(copy)},
            # The usual ways run the release that was live before all these.
            "app_releases_kept": self.releases + 1,
        }
        began = time.monotonic()
        for number in range(1, self.releases + 1):
            marker = f'"""Release {number} of bench/releases.py, {time.time_ns()}."""\n'
            (copy / "bench_marker.py").write_text(marker, encoding="utf-8")
            say(f"link swap: release {number}")
            self.ansible_playbook("playbooks/release.yml", "--extra-vars", json.dumps(source))
            if time.monotonic() - began > self.budget:
                return number
        return self.releases

    def reference(self, *arguments: str) -> None:
        """Runs bench/reference.py on the host."""
        script = f"executable=python3 {ROOT / 'bench' / 'reference.py'} {' '.join(arguments)}"
        self.ansible("script", script)

    def by_reference(self, way: str) -> int:
        """Releases in one of the usual ways.

        Returns:
            The number of releases.
        """
        say(f"{way}: up to {self.releases} releases")
        self.reference(way, str(self.releases), str(self.budget / 3))
        result = json.loads(self.fetch(reference.RESULT).read_text(encoding="utf-8"))
        return int(result["releases"])

    def fetch(self, path: Path) -> Path:
        """Copies a file of the host here."""
        target = self.folder / path.name
        self.ansible("fetch", f"src={path} dest={target} flat=true")
        return target

    def ansible(self, module: str, arguments: str) -> None:
        """Runs one module on the host."""
        inventory = f"--inventory={self.inventory}"
        execute("ansible", inventory, self.host, "--become", "-m", module, "-a", arguments)

    def ansible_playbook(self, *arguments: str) -> None:
        """Runs a playbook for the host."""
        inventory = f"--inventory={self.inventory}"
        execute("ansible-playbook", inventory, f"--limit={self.host},localhost", *arguments)

    def trusted(self) -> Path:
        """Returns a PEM file of the host's certificates, those of the references as well."""
        bundle = self.folder / "trusted.pem"
        paths = (Path(f"/etc/{self.app}/tls/fullchain.pem"), reference.CERTIFICATE)
        texts = [self.fetch(path).read_text(encoding="utf-8") for path in paths]
        bundle.write_text("".join(texts), encoding="utf-8")
        return bundle

    def measure(self, name: str, releases: Callable[[], int], trusted: Path) -> dict[str, Any]:
        """Makes releases under load.

        Args:
            name: The server name that gets the load.
            releases: Makes them, and returns how many.
            trusted: PEM file of what the clients trust.
        """
        done, output = self.folder / "done", self.folder / "load.json"
        done.unlink(missing_ok=True)
        LOGS.mkdir(parents=True, exist_ok=True)
        events = LOGS / f"bench-{name}.jsonl"
        port = self.connect.rpartition(":")[2]
        command = [
            *(sys.executable, "-m", "tests.load", f"--url=https://{name}:{port}"),
            *(f"--connect={self.connect}", f"--cacert={trusted}", f"--rate={self.rate}"),
            f"--seconds={self.budget + LAST_RELEASE_SECONDS}",
            # No WebSockets and event streams: how they end is molecule's to test, and without them
            # no release waits for the drain of the one before.
            *("--mix=get,post,h2", f"--until-file={done}", f"--events={events}"),
        ]
        with (
            output.open("w", encoding="utf-8") as stdout,
            subprocess.Popen(command, cwd=ROOT, stdout=stdout) as load,
        ):
            try:
                time.sleep(MARGIN_SECONDS)
                count = releases()
                time.sleep(MARGIN_SECONDS)
                if load.poll() is not None:
                    raise BenchError(f"the load ended before the releases did ({load.returncode})")
            finally:
                done.touch()
        result = json.loads(output.read_text(encoding="utf-8"))
        figures = {"releases": count, **{key: result[key] for key in KEYS}}
        say(f"{name}: {json.dumps(figures)}")
        return figures


@contextmanager
def references(bench: Bench) -> Iterator[None]:
    """Has the usual ways on the host for a while."""
    say("preparing the usual ways on the host")
    try:
        bench.reference("prepare", bench.app)
        yield
    finally:
        bench.reference("remove")


def execute(*command: str) -> None:
    """Runs a command.

    Raises:
        BenchError: It failed; with the end of its output.
    """
    result = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if result.returncode:
        tail = "\n".join(result.stdout.splitlines()[-TAIL_LINES:])
        raise BenchError(f"{' '.join(command[:1])} failed ({result.returncode}):\n{tail}")


def say(text: str) -> None:
    """Prints one line of what is being done."""
    print(f"bench: {text}", file=sys.stderr, flush=True)


def inventory_host(host: str | None, *inventories: Path) -> tuple[str, dict[str, Any]]:
    """Returns the name and the variables of a host of the group app, the first one by default.

    Raises:
        BenchError: There is none.
    """
    command = ["ansible-inventory", *(f"--inventory={path}" for path in inventories), "--list"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    told = ", ".join(map(str, inventories))
    if result.returncode:
        raise BenchError(f"{told} is no inventory: {result.stderr.strip()}")
    content = json.loads(result.stdout)
    hosts = content.get("app", {}).get("hosts", [])
    name: str = host or next(iter(hosts), "")
    if name not in hosts:
        raise BenchError(f"{told} has no host {name} in its group app; run `make demo`")
    variables: dict[str, Any] = content["_meta"]["hostvars"][name]
    return name, variables


def main() -> int:
    """Parses the command line and measures.

    Returns:
        The exit status.
    """
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--inventory", type=Path, default=ROOT / "inventory" / "demo")
    parser.add_argument("--host", help="of the group app; the first by default")
    parser.add_argument("--connect", default="127.0.0.1:8443", help="the host's HTTPS from here")
    parser.add_argument("--releases", type=int, default=10, help="of each way, at most")
    parser.add_argument("--budget", type=float, default=165, help="seconds of releases")
    parser.add_argument("--rate", type=float, default=600, help="requests a second, at most")
    arguments = parser.parse_args()
    try:
        host, variables = inventory_host(arguments.host, arguments.inventory)
        domains = variables["app_domain"]
        with tempfile.TemporaryDirectory(prefix="asgi-fleet-bench-") as folder:
            bench = Bench(
                inventory=arguments.inventory.resolve(),
                host=host,
                app=variables["app_name"],
                domain=domains if isinstance(domains, str) else domains[0],
                connect=arguments.connect,
                releases=arguments.releases,
                budget=arguments.budget,
                rate=arguments.rate,
                folder=Path(folder),
            )
            with references(bench):
                trusted = bench.trusted()
                result = bench.measure(bench.domain, bench.link_swap, trusted)
                for key, way, name in (
                    ("systemctl_restart", "restart", reference.RESTART_HOST),
                    ("nginx_reload", "reload", reference.RELOAD_HOST),
                ):
                    result[key] = bench.measure(name, partial(bench.by_reference, way), trusted)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    print(json.dumps({"bench": "releases", **result}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
