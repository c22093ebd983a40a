"""What a fleet of N hosts costs the controller: time, CPU and memory; and what a host adds.

    python -m bench.fleet measure --hosts 4          # one JSON line
    python -m bench.fleet fit .cache/logs/fleet.jsonl   # of several such lines: another one

`measure` boots N hosts in containers on this machine and runs, one after the other, a first deploy,
one without changes, a release of a changed source and a rollback, without a balancer and without a
pause between waves. Each gets `seconds` (wall time), `cpu_seconds` (user and system, of
ansible-playbook and all that it waited for, without the hosts' own), `max_rss_mb` (the largest
process) and `changed` (tasks). The hosts are gone at the end.

`fit` finds `fixed` and `per_host` of `fixed + per_host * hosts` for each of these by least squares.

The hosts share the cores with the controller, so `seconds` of a fleet with machines of its own are
fewer; `cpu_seconds` are the same.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tools.demo import count_changes

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT / "molecule" / "shared"
INVENTORY = ROOT / ".cache" / "bench-fleet"
LOGS = ROOT / ".cache" / "logs"
HOSTS_MAX = 99
#: Instances of inotify that the services of one host hold. All hosts and this machine share
#: fs.inotify.max_user_instances (128 by default), and beyond it a host boots as degraded.
INOTIFY_PER_HOST = 5
INOTIFY_MAX = Path("/proc/sys/fs/inotify/max_user_instances")
TAIL_LINES = 40

PHASES = ("first_deploy", "unchanged", "release", "rollback")
FIGURES = ("seconds", "cpu_seconds", "max_rss_mb")
#: Sizes that the fitted line is continued to.
SIZES = (100, 1000)

HOSTS_FILE = """\
---
# Written by bench/fleet.py, and removed by it.
all:
  vars:
    # Of a hundred of its own, for up to 99 hosts: see molecule/shared/inventory/lab.yml
    lab_port_offset: 300
    lab_suite: {suite}
app:
  vars:
    app_name: bench
    app_domain: bench.example.com
    app_source: {{type: path, path: {source}}}
    app_workers: 2
    fleet_waves: [1, "25%", "100%"]
    fleet_soak_seconds: 0
  hosts:
"""


class BenchError(Exception):
    """The bench cannot go on; the message says why."""


@dataclass(frozen=True)
class Figures:
    """What a run of a playbook cost the controller.

    Attributes:
        seconds: Wall time.
        cpu_seconds: User and system time of it and of all processes that it waited for.
        max_rss_mb: Resident memory in MB (2^20 bytes) of the largest process.
        changed: Tasks that changed something, over all hosts.
    """

    seconds: float
    cpu_seconds: float
    max_rss_mb: float
    changed: int


@dataclass(frozen=True)
class Line:
    """`fixed + per_host * hosts`."""

    fixed: float
    per_host: float

    def at(self, hosts: int) -> float:
        """Return the value for a number of hosts."""
        return self.fixed + self.per_host * hosts


def least_squares(points: Sequence[tuple[float, float]]) -> Line:
    """Fit a line.

    Args:
        points: Hosts, and what was measured with them.

    Raises:
        BenchError: They have fewer than two numbers of hosts.
    """
    if len({hosts for hosts, _ in points}) < 2:
        raise BenchError(
            f"there are {len(points)} measurements of one number of hosts; expected at least two "
            "numbers of hosts; run `python -m bench.fleet measure --hosts ...` with another one"
        )
    middle_x = sum(x for x, _ in points) / len(points)
    middle_y = sum(y for _, y in points) / len(points)
    slope = sum((x - middle_x) * (y - middle_y) for x, y in points)
    slope /= sum((x - middle_x) ** 2 for x, _ in points)
    return Line(middle_y - slope * middle_x, slope)


def parse(lines: Iterable[str]) -> list[dict[str, Any]]:
    """Read the lines that `measure` has printed; others, such as those of make, are left out."""
    found = []
    for line in lines:
        with suppress(json.JSONDecodeError):
            content = json.loads(line)
            if isinstance(content, dict) and content.get("bench") == "fleet":
                found.append(content)
    return found


def fit(measurements: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Fit every figure of every phase.

    Args:
        measurements: From `measure`.

    Returns:
        By phase and figure `fixed`, `per_host`, and the value for each of `SIZES`.
    """
    result: dict[str, Any] = {
        "bench": "fleet_fit",
        "hosts": sorted(measurement["hosts"] for measurement in measurements),
    }
    for phase in PHASES:
        result[phase] = {}
        for figure in FIGURES:
            line = least_squares([(m["hosts"], m[phase][figure]) for m in measurements])
            result[phase][figure] = {
                "fixed": round(line.fixed, 2),
                "per_host": round(line.per_host, 2),
                **{f"at_{size}": round(line.at(size)) for size in SIZES},
            }
    return result


def hosts_file(hosts: int, suite: str, source: Path) -> str:
    """Return the inventory.

    Args:
        hosts: How many.
        suite: What they are made of.
        source: The folder of the application.
    """
    entries = (f"    bench{index:02}: {{lab_index: {index}}}\n" for index in range(1, hosts + 1))
    return HOSTS_FILE.format(suite=suite, source=json.dumps(str(source))) + "".join(entries)


def check_inotify(hosts: int, used: int, allowed: int) -> None:
    """Refuse more hosts than this machine can boot.

    Args:
        hosts: How many are to be booted.
        used: Instances of inotify in use.
        allowed: How many there may be.

    Raises:
        BenchError: There are too few for the hosts.
    """
    needed = hosts * INOTIFY_PER_HOST
    if used + needed > allowed:
        raise BenchError(
            f"{hosts} hosts need {needed} instances of inotify, and {allowed - used} of {allowed} "
            "are free; expected enough for all; remove other test hosts (podman ps), take fewer "
            f"hosts, or have the owner of this machine raise {INOTIFY_MAX}"
        )


def inotify_used() -> int:
    """Count the instances of inotify of all processes that this user may look into."""
    used = 0
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        with suppress(OSError):
            used += str(link.readlink()) == "anon_inode:inotify"
    return used


def run(name: str, playbook: str, *arguments: str) -> Figures:
    """Run a playbook for the hosts, with its output in .cache/logs/bench-fleet-<name>.log.

    Raises:
        BenchError: It failed.
    """
    log = LOGS / f"bench-fleet-{name}.log"
    command = [
        "ansible-playbook",
        f"--inventory={SHARED / 'inventory' / 'lab.yml'}",
        f"--inventory={INVENTORY}",
        *arguments,
        playbook,
    ]
    with log.open("w", encoding="utf-8") as output:
        began = time.monotonic()
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            # Whose recap is counted.
            env={**os.environ, "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.default"},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        # What getrusage tells of one child, with all that it has waited for itself.
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
    text = log.read_text(encoding="utf-8")
    if process.returncode:
        tail = "\n".join(text.splitlines()[-TAIL_LINES:])
        raise BenchError(f"{playbook} failed; its output is in {log.relative_to(ROOT)}:\n{tail}")
    return Figures(
        seconds=round(seconds, 1),
        cpu_seconds=round(usage.ru_utime + usage.ru_stime, 1),
        max_rss_mb=round(usage.ru_maxrss / 1024, 1),
        changed=count_changes(text),
    )


def measure(hosts: int, suite: str, forks: int) -> dict[str, Any]:
    """Boot the hosts, measure, and remove them.

    Args:
        hosts: How many.
        suite: What they are made of: a Debian suite or an image.
        forks: As `forks` of ansible.cfg.
    """
    check_inotify(hosts, inotify_used(), int(INOTIFY_MAX.read_text(encoding="ascii")))
    LOGS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="asgi-fleet-bench-") as folder:
        source = shutil.copytree(ROOT / "app", Path(folder, "app"))
        INVENTORY.mkdir(parents=True, exist_ok=True)
        inventory = hosts_file(hosts, suite, source)
        (INVENTORY / "hosts.yml").write_text(inventory, encoding="utf-8")
        say(f"booting {hosts} hosts")
        try:
            run("create", "molecule/shared/create.yml")
            load, figures = os.getloadavg()[0], dict[str, Figures]()
            for phase, playbook in zip(
                PHASES,
                ("deploy.yml", "deploy.yml", "playbooks/release.yml", "playbooks/rollback.yml"),
                strict=True,
            ):
                if phase == "release":
                    marker = f'"""A release of bench/fleet.py, {time.time_ns()}."""\n'
                    (source / "bench_marker.py").write_text(marker, encoding="utf-8")
                figures[phase] = run(phase, playbook, f"--forks={forks}")
                say(f"{phase} of {hosts} hosts: {json.dumps(asdict(figures[phase]))}")
        finally:
            run("destroy", "molecule/shared/destroy.yml")
            shutil.rmtree(INVENTORY)
    if figures["unchanged"].changed:
        raise BenchError(
            f"a deploy without changes changed {figures['unchanged'].changed} tasks; expected 0; "
            "see .cache/logs/bench-fleet-unchanged.log"
        )
    return {
        "bench": "fleet",
        "hosts": hosts,
        "image": suite,
        "forks": forks,
        "cores": len(os.sched_getaffinity(0)),
        "load_before": round(load, 1),
        **{phase: asdict(found) for phase, found in figures.items()},
    }


def say(text: str) -> None:
    """Prints one line of what is being done."""
    print(f"bench: {text}", file=sys.stderr, flush=True)


def host_count(text: str) -> int:
    """Parses --hosts.

    Raises:
        argparse.ArgumentTypeError: It is no number from 1 to HOSTS_MAX.
    """
    if not text.isdecimal() or not 1 <= int(text) <= HOSTS_MAX:
        message = f"the number of hosts is {text}; expected one from 1 to {HOSTS_MAX}"
        raise argparse.ArgumentTypeError(message)
    return int(text)


def main() -> int:
    """Parses the command line and runs.

    Returns:
        The exit status.
    """
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    verbs = parser.add_subparsers(dest="verb", required=True)
    command = verbs.add_parser("measure")
    command.add_argument("--hosts", type=host_count, default=4)
    command.add_argument("--image", default="trixie", help="a Debian suite or an image")
    command.add_argument("--forks", type=int, default=20)
    command = verbs.add_parser("fit")
    command.add_argument("files", type=Path, nargs="+")
    arguments = parser.parse_args()
    try:
        if arguments.verb == "measure":
            result = measure(arguments.hosts, arguments.image, arguments.forks)
        else:
            texts = [path.read_text(encoding="utf-8") for path in arguments.files]
            result = fit(parse("\n".join(texts).splitlines()))
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    print(json.dumps(result), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
