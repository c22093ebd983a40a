"""Run a program of an application, or of its dependencies, in a sandbox that systemd makes.

Nothing that an application brings runs as root, or outside of such a sandbox: builds, the import
check and hooks. Each run is a transient unit (systemd-run(1)) with the directives of the service
itself, an account without privileges, limits, and a control group that is killed whole at its end.
"""

# ansible-test asks for run_command, which has neither a limit of output nor a deadline.
# pylint: disable=ansible-bad-function

from __future__ import annotations

import contextlib
import glob
import os
import re
import select
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ansible_collections.asgi.fleet.plugins.module_utils.host.controller import require_controller
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.environment import (
    format_environment,
)
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.sandbox import (
    Sandbox,
    directives,
)
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.world import PATH

#: Bytes at the end of a program's output that are kept.
KEPT_BYTES = 64 * 1024
#: The same for a program whose output is an answer.
ANSWER_BYTES = 16 * 1024 * 1024
#: Seconds between SIGTERM and SIGKILL for what a program leaves behind.
STOP_SECONDS = 3
#: Seconds between two looks whether the controller is still there.
LOOK_SECONDS = 1.0
#: Seconds beyond a program's own that systemd may take to start it and to end what is left.
MARGIN_SECONDS = 30
#: Where systemd keeps the files of transient units.
TRANSIENT = "/run/systemd/transient"
#: Where the environment of a unit is written for systemd, which reads it as root.
RUNTIME = "/run"
#: Further directives of a service that also hold for what runs beside it; the others say how the
#: service itself starts and stops.
_CONFINING = re.compile(
    r"(Ambient|Bind|CPU|Capability|Device|ExecPaths|IO|IPAddress|Inaccessible|Keyring|Limit|Lock"
    r"|Memory|NoExecPaths|NoNew|OOMScore|Private|ProcSubset|Protect|ReadOnly|ReadWrite|RemoveIPC"
    r"|Restrict|Slice|SocketBind|Supplementary|SystemCall|Tasks|TemporaryFileSystem|UMask)\w*"
)
#: When a program began and ended: microseconds, see systemctl(1).
_MOMENTS = ("Start", "Exit")
#: What is asked of a unit that failed; the names are those of systemd's D-Bus interface.
_SHOWN = (
    *("LoadState", "Result", "ExecMainCode", "ExecMainStatus"),
    *(f"ExecMain{what}TimestampMonotonic" for what in _MOMENTS),
)


class ConfinementError(Exception):
    """systemd could not start the program; the message has its reason."""


@dataclass(frozen=True)
class Confinement:
    """Where and as whom a program runs, and what it may do.

    Attributes:
        unit: The name of its unit, without `.service`. Only one of this name can run.
        user: The account.
        folder: Its working directory.
        timeout: Seconds after which it is killed, with everything that it started.
        sandbox: What it may do.
        environment: Its environment, besides PATH, LANG and HOME, which is a private /tmp unless
            this has one.
        properties: Further directives, such as StateDirectory=.
        patient: Whether it may run to its end after the controller has gone.
    """

    unit: str
    user: str
    folder: str
    timeout: float
    sandbox: Sandbox = field(default_factory=Sandbox)
    environment: Mapping[str, str] = field(default_factory=dict)
    properties: Sequence[tuple[str, str]] = ()
    patient: bool = False


@dataclass(frozen=True)
class Outcome:
    """How a program ended.

    Attributes:
        status: Its exit status; 0 only if it succeeded.
        output: The end of what it printed, both streams in order.
        seconds: How long it took.
        problem: How it ended, for people; empty if it succeeded.
        timed_out: Whether it was killed because it took too long.
    """

    status: int
    output: str
    seconds: float = 0.0
    problem: str = ""
    timed_out: bool = False


def run(command: Sequence[str], confinement: Confinement, *, answers: bool = False) -> Outcome:
    """Run a program to its end.

    Args:
        command: The program, an absolute path, and its arguments.
        confinement: Where, as whom and how.
        answers: Whether its standard output is wanted, apart from its errors. If it fails, its
            output is the errors.

    Raises:
        ConfinementError: systemd did not start it.
        ControllerGone: The controller has gone meanwhile; the program was stopped.
    """
    unit = f"{confinement.unit}.service"
    end(confinement.unit)
    began = time.monotonic()
    with _environment_file(confinement) as path:
        call = _call(command, confinement, path)
        status, output = _watch(call, confinement, answers)
    seconds = time.monotonic() - began
    if status == 0:
        return Outcome(0, output, seconds)
    # A unit that failed is kept until it is reset.
    shown = _systemctl("show", f"--property={','.join(_SHOWN)}", unit)
    state = dict(line.partition("=")[::2] for line in shown.splitlines())
    _systemctl("reset-failed", unit)
    if state.get("LoadState") != "loaded" or state.get("ExecMainCode") == "0":
        raise ConfinementError(
            f"systemd did not start {unit}: {output.strip() or 'no reason given'}; "
            f"journalctl --unit={unit} may say more"
        )
    if state.get("Result") == "timeout" and _ended_by_itself(state, confinement.timeout):
        status = int(state.get("ExecMainStatus") or 0)
        if status == 0:
            return Outcome(0, output, seconds)
        state["Result"] = "exit-code"
    timed_out = state.get("Result") == "timeout"
    return Outcome(status, output, seconds, problem(state, confinement.timeout), timed_out)


def end(unit: str) -> None:
    """End what a killed run has left of a unit; whoever calls this holds the lock for it.

    Args:
        unit: As that of a `Confinement`.
    """
    service = f"{unit}.service"
    for path in glob.glob(os.path.join(RUNTIME, f".{unit}.*")):
        os.unlink(path)
    if os.path.exists(os.path.join(TRANSIENT, service)):
        _systemctl("stop", service)
        _systemctl("reset-failed", service)


def problem(state: Mapping[str, str], timeout: float) -> str:
    """Describe an end that was not a success; the names are those of systemd.exec(5)."""
    result, status = state.get("Result", ""), state.get("ExecMainStatus", "")
    if result == "timeout":
        return f"it did not end within {timeout:g} s and was killed"
    if result == "oom-kill":
        return "it was killed because it used more memory than it may"
    if state.get("ExecMainCode") != "1":
        return f"it was killed by signal {status}"
    if result == "exec-condition" or int(status or 0) in range(200, 246):
        return f"exit status {status}; if systemd gave it: systemd.exec(5), Process Exit Codes"
    return f"exit status {status}"


def _ended_by_itself(state: Mapping[str, str], timeout: float) -> bool:
    """Tell whether a program exited before its limit, whatever its children did then.

    systemd says `timeout` also of a unit whose program has ended, but whose children did not heed
    SIGTERM.
    """
    began, ended = (int(state.get(f"ExecMain{what}TimestampMonotonic") or 0) for what in _MOMENTS)
    return state.get("ExecMainCode") == "1" and 0 < ended < began + timeout * 1_000_000


def _call(command: Sequence[str], confinement: Confinement, environment: str) -> list[str]:
    """Return the call of systemd-run(1)."""
    return [
        # Of any other type of service, an end by SIGTERM or SIGHUP counts as success.
        *("systemd-run", "--quiet", "--wait", "--pipe", "--service-type=oneshot"),
        # Without one systemd would log the command.
        f"--description={confinement.unit}, run by asgi.fleet",
        *arguments(command, confinement, environment),
    ]


def arguments(command: Sequence[str], confinement: Confinement, environment: str) -> list[str]:
    """Return what systemd-run(1) has to know of a program and its confinement.

    Args:
        command: The program, an absolute path, and its arguments.
        confinement: Where, as whom and how.
        environment: A file with the environment, which systemd reads as root.
    """
    properties = [
        ("WorkingDirectory", confinement.folder),
        ("User", confinement.user),
        ("EnvironmentFile", environment),
        ("TimeoutStartSec", f"{confinement.timeout:g}"),
        ("TimeoutStopSec", str(STOP_SECONDS)),
        *directives(confinement.sandbox),
        *confinement.properties,
        *(
            (name, value)
            for name, value in confinement.sandbox.options.items()
            if _CONFINING.fullmatch(name)
        ),
    ]
    return [
        f"--unit={confinement.unit}",
        *(f"--property={name}={value}" for name, value in properties),
        "--",
        # systemd replaces variables in a command; a doubled $ stays one (systemd.service(5)).
        *(argument.replace("$", "$$") for argument in command),
    ]


@contextlib.contextmanager
def _environment_file(confinement: Confinement) -> Iterator[str]:
    """Write the environment where only root can read it: an argument would show it to everyone."""
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", dir=RUNTIME, prefix=f".{confinement.unit}."
    ) as file:
        file.write(environment_text(confinement))
        file.flush()
        yield file.name


def environment_text(confinement: Confinement) -> str:
    """Return the environment of a program, as a file for systemd."""
    environment = {"PATH": PATH, "LANG": "C.UTF-8", "HOME": "/tmp"}  # noqa: S108 (PrivateTmp=)
    return format_environment({**environment, **confinement.environment})


def _watch(call: Sequence[str], confinement: Confinement, answers: bool) -> tuple[int, str]:
    """Run the call and return its status and the end of its output."""
    unit = f"{confinement.unit}.service"
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(
            call,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors if answers else subprocess.STDOUT,
        ) as process,
    ):
        # TimeoutStartSec= ends the unit; this only if systemd itself does not answer.
        patience = confinement.timeout + MARGIN_SECONDS
        watchdog = threading.Timer(patience, _give_up, (process, unit))
        watchdog.start()
        try:
            limit = ANSWER_BYTES if answers else KEPT_BYTES
            output = _read_end(process, limit, confinement.patient)
        except BaseException:
            # This run is being stopped: what it started must not go on.
            _systemctl("stop", unit)
            raise
        finally:
            watchdog.cancel()
        status = process.wait()
        if answers and status != 0:
            size = errors.seek(0, os.SEEK_END)
            errors.seek(max(0, size - KEPT_BYTES))
            output = errors.read()
        return status, output.decode(errors="replace")


def _give_up(process: subprocess.Popen[bytes], unit: str) -> None:
    _systemctl("kill", "--signal=KILL", unit)
    process.kill()


def _read_end(process: subprocess.Popen[bytes], limit: int, patient: bool) -> bytes:
    """Read a process's output to its end, and keep the last `limit` bytes."""
    stream = process.stdout
    kept = bytearray()
    while stream is not None:
        if not select.select([stream], [], [], LOOK_SECONDS)[0]:
            if not patient:
                require_controller()
            continue
        chunk = os.read(stream.fileno(), KEPT_BYTES)
        if not chunk:
            break
        kept += chunk
        del kept[:-limit]
    return bytes(kept)


def _systemctl(*arguments: str) -> str:
    result = subprocess.run(["systemctl", *arguments], capture_output=True, text=True, check=False)
    return result.stdout
