"""Starts, watches and ends one server on loopback, for bench/ways.py and tests/ways.

A server and all of its processes are a session of their own, which ends with it in any case.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
APP = ROOT / "app"
#: Where the programs of the locked tools are: uvicorn, fastapi, gunicorn.
PROGRAMS = Path(sys.executable).parent

#: Seconds that a server may take to answer, to stop, and to replace its workers.
START_SECONDS = 30.0
STOP_SECONDS = 45.0
REPLACE_SECONDS = 60.0
TICK_SECONDS = 0.05
#: Connections that are opened at once to reach every worker.
BURST = 24
KIB = 1024

#: Gives a process the listening socket of its parent as systemd would: descriptor 3, LISTEN_PID.
HAND_OVER = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3); "
    "os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid())); "
    "os.execvp(sys.argv[2], sys.argv[2:])"
)


class ServerError(Exception):
    """A server did not do what it was asked to; the message has the end of its log."""


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def fetch(port: int, path: str, seconds: float = 5.0) -> dict[str, Any]:
    """Return the JSON answer to a GET on a connection of its own.

    Raises:
        OSError: Nobody answers.
        ValueError: The answer is not 200, or not JSON.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
    except http.client.HTTPException as error:
        raise ValueError(f"{path}: {error!r}") from error
    finally:
        connection.close()
    if answer.status != 200:
        raise ValueError(f"{path}: {answer.status} {body[:200]!r}")
    said: dict[str, Any] = json.loads(body)
    return said


def answers(port: int) -> bool:
    """Tell whether the application answers."""
    try:
        fetch(port, "/healthz")
    except (OSError, ValueError):
        return False
    return True


def wait_for(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait until a condition holds; tell whether it came to hold in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(TICK_SECONDS)
    return True


def answering(port: int) -> set[int]:
    """Return the process numbers that answer to one burst of connections."""
    with ThreadPoolExecutor(BURST) as pool:
        return {said["pid"] for said in pool.map(lambda _: fetch(port, "/whoami"), range(BURST))}


def all_answering(port: int, count: int, seconds: float = 15.0) -> set[int]:
    """Return the process numbers that answer, once there are `count` of them or the time is over.

    Not as many as asked for is not an error here: who asks judges it.
    """
    seen: set[int] = set()

    def enough() -> bool:
        seen.update(answering(port))
        return len(seen) >= count

    wait_for(enough, seconds)
    return seen


def session_of(pid: str) -> int:
    """Return a process's session, 0 for one that has ended; see proc_pid_stat(5)."""
    try:
        text = Path("/proc", pid, "stat").read_text(encoding="utf-8")
    except OSError:
        return 0
    # The name, in parentheses, may have spaces and parentheses itself.
    state, _parent, _group, session = text.rpartition(")")[2].split()[:4]
    return 0 if state == "Z" else int(session)


def command_line(pid: int) -> str:
    """Return a process's command line, as `ps` shows it; empty for one that has ended."""
    with contextlib.suppress(OSError):
        text = Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8", errors="replace")
        return text.replace("\0", " ").strip()
    return ""


def proportional_mb(pids: Iterable[int]) -> float:
    """Return the memory of processes in MB: pages that several share count once (PSS)."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8").splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
    return total / KIB


def cpu_seconds(pids: Iterable[int]) -> float:
    """Return the CPU time that processes have had; see utime and stime in proc_pid_stat(5)."""
    ticks = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
            ticks += sum(map(int, text.rpartition(")")[2].split()[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


@dataclass
class Server:
    """One server on one port.

    Attributes:
        command: What to run in the application's folder; the first word is a program of PROGRAMS.
        port: Where it will answer.
        log: File for its output.
        environment: Further variables.
        held: A listening socket that outlives the server, as systemd holds one; None if the server
            opens its own.
    """

    command: Sequence[str]
    port: int
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    held: socket.socket | None = None
    process: subprocess.Popen[bytes] | None = None
    start_seconds: float = 0.0

    def start(self) -> None:
        """Start it, and wait until it answers; `start_seconds` is how long that took.

        Raises:
            ServerError: It does not.
        """
        began = time.monotonic()
        command = [str(PROGRAMS / self.command[0]), *self.command[1:]]
        descriptors = []
        if self.held is not None:
            descriptors = [self.held.fileno()]
            command = [sys.executable, "-c", HAND_OVER, str(descriptors[0]), *command]
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                command,
                cwd=APP,
                env={**base_environment(), **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=descriptors,
                start_new_session=True,
            )
        process = self.process
        if not wait_for(lambda: answers(self.port) or process.poll() is not None, START_SECONDS):
            raise self.error(f"does not answer within {START_SECONDS:g} s")
        if process.poll() is not None:
            raise self.error(f"has ended with status {process.returncode}")
        self.start_seconds = time.monotonic() - began

    def processes(self) -> set[int]:
        """Return its processes, the first one included, but not Python's own tracker."""
        if self.process is None:
            return set()
        session = self.process.pid
        numbers = (entry.name for entry in Path("/proc").iterdir() if entry.name.isdigit())
        own = {int(pid) for pid in numbers if session_of(pid) == session}
        return {pid for pid in own if "resource_tracker" not in command_line(pid)}

    def workers(self) -> set[int]:
        """Return the processes that the first one has started; itself if it has none."""
        first = self.process.pid if self.process else 0
        return self.processes() - {first} or {first}

    def replace_workers(self) -> None:
        """Have new workers take over, by SIGHUP.

        Raises:
            ServerError: The old ones have not all gone in time, or nobody answers.
        """
        if self.process is None:
            raise self.error("is not running")
        old = self.workers()
        self.process.send_signal(signal.SIGHUP)
        if not wait_for(lambda: self.has_replaced(old), REPLACE_SECONDS):
            raise self.error(f"has not replaced its workers within {REPLACE_SECONDS:g} s")

    def has_replaced(self, old: set[int]) -> bool:
        """Tell whether as many others run, and answer, as `old` were."""
        new = self.workers()
        return not new & old and len(new) == len(old) and answers(self.port)

    def stop(self) -> None:
        """Stop it as systemd and podman do: SIGTERM to the first process, and wait.

        Raises:
            ServerError: It has not ended in time.
        """
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            raise self.error(f"has not ended within {STOP_SECONDS:g} s of SIGTERM") from None

    def kill(self) -> None:
        """End all of its processes at once."""
        if self.process is None:
            return
        # The number is not given to others while a process of its session lives.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def error(self, what: str) -> ServerError:
        """Return the error that this server is in."""
        text = self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""
        tail = "\n".join(text.splitlines()[-20:])
        return ServerError(f"{' '.join(self.command)} {what}:\n{tail}")


def base_environment() -> dict[str, str]:
    """Return the variables of any server here: none of those that servers read settings from."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    # The tools' own folder on the path, as in an activated environment.
    kept["PATH"] = f"{PROGRAMS}:{kept.get('PATH', '')}"
    return {**kept, "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1", "TERM": "dumb"}


@contextmanager
def running(server: Server) -> Iterator[Server]:
    """Have a server for a while; nothing of it is left at the end."""
    try:
        server.start()
        yield server
    finally:
        server.kill()
