"""What the picture of a rollout costs: the same command in turns with Ansible's output and ours.

    python -m bench.screen --turns 6 -- ansible-playbook -i inventory/demo playbooks/restart.yml
    python -m bench.screen --turns 6 --touch app/main.py -- ansible-playbook playbooks/release.yml

One JSON line: for each of both outputs the mean `seconds` (wall time) and `cpu_seconds` (user and
system, of the command and all that it waited for), in a terminal of 120 columns and 40 lines, and
`seconds_ratio` and `cpu_ratio`, ours by Ansible's. With `--touch`, a line is added to the file
before each run, so that each of them releases something; the file is restored at the end.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import pty
import statistics
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ANSIBLES, OURS = "ansible.builtin.default", "asgi.fleet.rollout"


class BenchError(Exception):
    """The bench cannot go on; the message says why."""


@dataclass(frozen=True)
class Cost:
    """What one run cost.

    Attributes:
        seconds: Wall time.
        cpu_seconds: User and system time of the command and of all that it waited for.
    """

    seconds: float
    cpu_seconds: float


def in_terminal(command: Sequence[str], callback: str) -> Cost:
    """Run a command in a terminal.

    Raises:
        BenchError: It failed.
    """
    terminal, user = pty.openpty()
    fcntl.ioctl(user, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    variables = {name: value for name, value in os.environ.items() if name != "CI"}
    variables |= {"ANSIBLE_STDOUT_CALLBACK": callback, "TERM": "xterm-256color"}
    began = time.monotonic()
    process = subprocess.Popen(
        ["setsid", "--ctty", *command], env=variables, stdin=user, stdout=user, stderr=user
    )
    os.close(user)
    output = b""
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:
            # The last process has closed its end.
            break
        output += part
    _pid, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    os.close(terminal)
    if process.returncode:
        end = output.decode(errors="replace")[-2000:]
        raise BenchError(f"{' '.join(command)} failed with {callback}:\n{end}")
    return Cost(time.monotonic() - began, used.ru_utime + used.ru_stime)


def compare(costs: dict[str, list[Cost]]) -> dict[str, object]:
    """Return the means of both outputs, and ours by Ansible's."""
    means = {
        callback: {
            "seconds": round(statistics.mean(cost.seconds for cost in of_one), 2),
            "cpu_seconds": round(statistics.mean(cost.cpu_seconds for cost in of_one), 2),
        }
        for callback, of_one in costs.items()
    }
    return {
        "bench": "screen",
        "turns": len(costs[OURS]),
        **means,
        "seconds_ratio": round(means[OURS]["seconds"] / means[ANSIBLES]["seconds"], 3),
        "cpu_ratio": round(means[OURS]["cpu_seconds"] / means[ANSIBLES]["cpu_seconds"], 3),
    }


def measure(command: Sequence[str], turns: int, touched: Path | None) -> dict[str, object]:
    """Run a command in turns, and return what it cost."""
    costs: dict[str, list[Cost]] = {ANSIBLES: [], OURS: []}
    before = touched.read_bytes() if touched else b""
    try:
        for turn in range(turns):
            # Whichever is first has the colder caches.
            for callback in (ANSIBLES, OURS) if turn % 2 == 0 else (OURS, ANSIBLES):
                if touched:
                    touched.write_bytes(before + f"# {time.time_ns()}\n".encode())
                costs[callback].append(in_terminal(command, callback))
                print(callback, costs[callback][-1], file=sys.stderr, flush=True)
    finally:
        if touched:
            touched.write_bytes(before)
    return compare(costs)


def main() -> int:
    """Parse the command line and run.

    Returns:
        The exit status.
    """
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--turns", type=int, default=4, help="runs with each of both outputs")
    parser.add_argument("--touch", type=Path, help="a file of the source, to release it anew")
    parser.add_argument("command", nargs="+", help="the command, behind --")
    arguments = parser.parse_args()
    try:
        print(json.dumps(measure(arguments.command, arguments.turns, arguments.touch)))
    except BenchError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
