"""One command in the world of the live slot, which ends with its controller.

Two transient units (systemd-run(1)) of which nothing stays:

    asgi-fleet-<app>-run-<id>          the command: as the service, in its sandbox
    asgi-fleet-<app>-run-<id>-keeper   root's: notes how it ended, and ends it when nobody asks

What the command prints goes into a pipe, which the keeper holds open. It is read by one call of a
module after the other, each of which renews the lease. When the pipe is full, the command waits.
"""

# No AnsibleModule here, whose run_command ansible-test asks for.
# pylint: disable=ansible-bad-function

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pwd
import re
import select
import shlex
import shutil
import subprocess
import syslog
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.asgi.fleet.plugins.module_utils.application import history
from ansible_collections.asgi.fleet.plugins.module_utils.application.confinement import (
    as_service,
    unit_name,
)
from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import (
    Application,
    Slot,
)
from ansible_collections.asgi.fleet.plugins.module_utils.application.places import open_places
from ansible_collections.asgi.fleet.plugins.module_utils.host import confined, systemd
from ansible_collections.asgi.fleet.plugins.module_utils.host.controller import (
    ControllerGone,
    require_controller,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host.files import read_text, write_file
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.environment import (
    parse_environment,
)
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.redaction import Redactor
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.sandbox import Sandbox
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.text import printable

#: Where the folder of a run is, and gone with the next boot.
RUNTIME = "/run"
#: What the id of a run looks like, which is part of its units' names.
ID = re.compile(r"[0-9a-f]{8}")
#: Seconds after which the keeper looks whether anybody has asked since. A command ends between one
#: and two of them after the last call.
LEASE_SECONDS = 20
#: Seconds that one call waits for output, and the least that it takes if there is some.
LONGEST_CALL, SHORTEST_CALL = 5.0, 1.0
#: Seconds between two looks: at the controller, at the end of the command.
LOOK_SECONDS = 0.2
#: Seconds that a stopped command's end may take to be noted: SIGTERM, then SIGKILL, then that.
STOP_SECONDS = confined.STOP_SECONDS + 10
#: Bytes that the pipe holds: as much as Linux gives (pipe(7)).
PIPE_BYTES = 1024 * 1024
#: Bytes that one call returns at most, and what counts as a line if no end of it comes.
CHUNK_BYTES = 1024 * 1024
#: Characters around a cut of such a line, among which a secret may be cut.
MARGIN = 16 * 1024
#: What `stop` gives as the reason, and what the keeper does.
INTERRUPTED, GONE = "interrupted", "gone"


class CommandError(Exception):
    """A command cannot be run, or is no longer there; the message says what to do."""


@dataclass(frozen=True)
class Live:
    """What is live: the surroundings of a command.

    Attributes:
        slot: The slot.
        release: Folder of its release.
        user: The account that it runs as.
    """

    slot: Slot
    release: str
    user: str


@dataclass(frozen=True)
class Request:
    """What to run.

    Attributes:
        id: Of the run; the same on all its hosts.
        command: The program and its arguments.
        who: Who asked for it.
        seconds: Seconds that it may take.
        sandbox: What the service may do.
        memory_max: MemoryMax= of systemd.resource-control(5); empty for no limit.
        public_names: Variables of the environment whose values are no secrets: all others are.
    """

    id: str
    command: Sequence[str]
    who: str
    seconds: float
    sandbox: Sandbox
    memory_max: str = ""
    public_names: Collection[str] = ()


@dataclass(frozen=True)
class End:
    """How a command ended.

    Attributes:
        status: Its exit status as a shell would tell it: 124 for the time limit, 128 and the
            signal's number for a signal, 130 for an interruption.
        problem: How it ended, for people; empty if it succeeded.
        seconds: How long it took.
    """

    status: int
    problem: str
    seconds: float


def live(application: Application) -> Live:
    """Return what is live.

    Raises:
        CommandError: Nothing is.
    """
    name = application.live_slot()
    slot = application.slot(name) if name else None
    release = slot.release() if slot else None
    if slot is None or release is None or not os.path.isdir(release):
        raise CommandError(
            f"{application.name} has no live release on this host; expected one; "
            "release it: ansible-playbook deploy.yml"
        )
    told = systemd.systemctl("show", "--property=User", slot.units[1], check=False)
    user = told.strip().partition("=")[2]
    if not user:
        raise CommandError(
            f"{slot.units[1]} names no account; expected User= in it; write it anew: "
            "ansible-playbook deploy.yml"
        )
    return Live(slot, release, user)


def start(application: Application, request: Request) -> Live:
    """Start a command, and return what it runs in.

    Raises:
        CommandError: Nothing is live here.
        PlaceError: A place that it may write cannot be made.
        OSError: A file cannot be written.
        Refusal: systemd did not start the keeper.
    """
    found = live(application)
    environment = parse_environment(read_text(found.slot.files["environment"]))
    open_places(found.release, found.user, request.sandbox)
    confinement = as_service(
        found.release,
        f"run-{request.id}",
        found.user,
        environment,
        request.seconds,
        request.sandbox,
        request.memory_max,
        found.slot.slot,
    )
    folder = _folder(application, request.id)
    keeper = f"{confinement.unit}-keeper"
    # If the keeper is killed, so is the command.
    confinement = replace(
        confinement,
        properties=(
            *confinement.properties,
            ("BindsTo", f"{keeper}.service"),
            ("StandardOutput", f"file:{folder}/output"),
            ("StandardError", "inherit"),
        ),
    )
    secret_names = [name for name in environment if name not in request.public_names]
    shown = printable(Redactor(environment, secret_names)(shlex.join(request.command)))
    os.mkdir(folder, 0o700)
    try:
        os.mkfifo(f"{folder}/output", 0o600)
        # The command may open /dev/stdout.
        os.chown(f"{folder}/output", pwd.getpwnam(found.user).pw_uid, -1)
        write_file(f"{folder}/environment", confined.environment_text(confinement), 0o600)
        write_file(f"{folder}/secrets", json.dumps([environment, secret_names]), 0o600)
        write_file(f"{folder}/began", f"{time.time():.3f} {request.seconds:g}", 0o600)
        call = [
            *("systemd-run", "--quiet", "--wait", "--service-type=oneshot"),
            f"--description={application.name}: {request.who} runs {shown}"[:200],
            *confined.arguments(
                # It is found in the PATH of the release.
                ["/usr/bin/env", "--", *request.command],
                confinement,
                f"{folder}/environment",
            ),
        ]
        script = _keeper(application, request, confinement.unit, folder, call)
        write_file(f"{folder}/keeper", script, 0o600)
        _renew(folder)
        history.note_command(application, request.id, request.who, shown, found.release)
        _run(
            *("systemd-run", "--quiet", f"--unit={keeper}"),
            f"--description={application.name}: keeps the command {request.id}",
            # Also if it is stopped itself, as by a removal.
            f"--property=ExecStopPost=/bin/rm -rf {folder}",
            *("--", "/bin/sh", f"{folder}/keeper"),
        )
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    syslog.openlog("asgi.fleet")
    syslog.syslog(
        syslog.LOG_NOTICE,
        f"{application.name}: {request.who} runs {shown} in {os.path.basename(found.release)} "
        f"({confinement.unit})",
    )
    return found


def _keeper(
    application: Application, request: Request, unit: str, folder: str, call: Sequence[str]
) -> str:
    """Return the script of the keeper, which root runs: nothing of the application is in it."""
    line = json.dumps({"event": "end", "id": request.id})[:-1]
    return rf"""
cd {shlex.quote(folder)} || exit 1
# Both ends, so that the command can begin to write, and nothing of it is lost when it ends.
exec 3<>output
(
    while sleep {LEASE_SECONDS} && rm lease 2>/dev/null; do :; done
    [ -e ended ] || echo {GONE} >reason
    systemctl stop {unit}.service
) &
lease=$!
{shlex.join(call)} 3<&- 2>refusal
status=$?
show() {{ systemctl show --property="$1" --value {unit}.service; }}
if [ $status = 0 ]; then
    load=loaded result=success code=1 number=0
else
    load=$(show LoadState) result=$(show Result)
    code=$(show ExecMainCode) number=$(show ExecMainStatus)
    systemctl reset-failed {unit}.service 2>/dev/null
fi
reason=$(cat reason 2>/dev/null)
{{
    printf '%s, "at": %s, "load": "%s", ' {shlex.quote(line)} "$(date +%s.%3N)" "$load"
    printf '"result": "%s", "code": "%s", "status": "%s", ' "$result" "$code" "$number"
    printf '"reason": "%s"}}\n' "$reason"
}} >ended.new
cat ended.new >>{shlex.quote(application.commands)}
mv ended.new ended
logger --tag asgi.fleet \
    "{application.name}: the command {request.id} ended: $result $number $reason"
# Until all is read, or nobody asks any more.
wait $lease
cd / && rm -rf {shlex.quote(folder)}
"""


def follow(application: Application, identifier: str, position: int) -> dict[str, Any]:
    """Return what a command has printed since, without secrets, and how it ended if it has.

    Args:
        application: The application.
        identifier: Of the run.
        position: How many answers the caller has had. With one less than before, it gets the last
            one again: it was lost on its way.

    Returns:
        `text`, `position`, and `end` or None.

    Raises:
        CommandError: The run is not there.
    """
    folder = _folder(application, identifier)
    if not os.path.isdir(folder):
        raise CommandError(_lost(identifier))
    _renew(folder)
    last = _read_json(f"{folder}/answer")
    if last is not None and last["position"] == position + 1:
        return last
    try:
        new, ended = _wait(application, identifier, folder)
    except FileNotFoundError:
        raise CommandError(_lost(identifier)) from None
    except ControllerGone:
        stop(application, identifier)
        raise
    rest = _read_bytes(f"{folder}/rest") + new
    text, rest = _told(rest, folder, whole=ended)
    end = _end(folder) if ended else None
    answer = {"text": text, "position": position + 1, "end": end.__dict__ if end else None}
    _write_bytes(f"{folder}/rest", rest)
    write_file(f"{folder}/answer", json.dumps(answer), 0o600)
    return answer


def stop(application: Application, identifier: str) -> End | None:
    """Stop a command, if it still runs, and return how it ended; None if it is not there."""
    folder = _folder(application, identifier)
    if not os.path.isdir(folder):
        return None
    with contextlib.suppress(OSError):
        if not os.path.exists(f"{folder}/ended"):
            write_file(f"{folder}/reason", INTERRUPTED, 0o600)
    unit = unit_name(application.name, f"run-{identifier}")
    systemd.systemctl("stop", f"{unit}.service", check=False)
    deadline = time.monotonic() + STOP_SECONDS
    while not os.path.exists(f"{folder}/ended") and time.monotonic() < deadline:
        time.sleep(LOOK_SECONDS)
    try:
        return _end(folder)
    finally:
        forget(application, identifier)


def forget(application: Application, identifier: str) -> None:
    """Remove what is left of a run, whose last answer has arrived."""
    unit = unit_name(application.name, f"run-{identifier}-keeper")
    systemd.systemctl("stop", f"{unit}.service", check=False)
    systemd.systemctl("reset-failed", f"{unit}.service", check=False)
    shutil.rmtree(_folder(application, identifier), ignore_errors=True)


def _wait(application: Application, identifier: str, folder: str) -> tuple[bytes, bool]:
    """Return what the command prints in the time of a call, and whether it has ended."""
    keeper = unit_name(application.name, f"run-{identifier}-keeper")
    began = time.monotonic()
    found = bytearray()
    pipe = os.open(f"{folder}/output", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        with contextlib.suppress(OSError):
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        while True:
            # In this order: after its end nothing more comes.
            ended = os.path.exists(f"{folder}/ended")
            found += _read_all(pipe, CHUNK_BYTES - len(found))
            if ended and len(found) < CHUNK_BYTES:
                return bytes(found), True
            passed = time.monotonic() - began
            if passed >= (SHORTEST_CALL if found else LONGEST_CALL) or len(found) >= CHUNK_BYTES:
                break
            require_controller()
            select.select([] if found else [pipe], [], [], LOOK_SECONDS)
        _renew(folder)
    finally:
        os.close(pipe)
    if not os.path.exists(f"{folder}/ended") and systemd.show(f"{keeper}.service")[
        "ActiveState"
    ] not in ("active", "activating", "deactivating"):
        forget(application, identifier)
        raise CommandError(_lost(identifier))
    return bytes(found), False


def _lost(identifier: str) -> str:
    return (
        f"the command {identifier} is no longer on this host: it was stopped there, nobody had "
        f"asked for it for {LEASE_SECONDS} s, or the host was restarted; "
        "see what it did, and run it again if that is right"
    )


def _read_all(pipe: int, most: int) -> bytes:
    found = bytearray()
    while len(found) < most:
        try:
            block = os.read(pipe, most - len(found))
        except BlockingIOError:
            break
        if not block:
            break
        found += block
    return bytes(found)


def _told(data: bytes, folder: str, *, whole: bool) -> tuple[str, bytes]:
    """Return the whole lines of what was printed, fit to be shown, and the rest.

    A secret is found in a line. Its beginning alone would not be: so no part of a line is shown.

    Args:
        data: What was printed.
        folder: Of the run.
        whole: Whether nothing follows.
    """
    if not data:
        return "", b""
    hide = Redactor(*json.loads(read_text(f"{folder}/secrets")))
    # A progress bar goes back to the beginning of its line.
    data = re.sub(rb"\r+\n|\r+(?=[^\r\n])", b"\n", data)
    if whole:
        data = data.rstrip(b"\r")
    end = len(data) if whole else data.rfind(b"\n") + 1
    if end == 0 and len(data) > CHUNK_BYTES:
        end = _cut(data, hide)
    return printable(hide(data[:end].decode(errors="replace"))), data[end:]


def _cut(data: bytes, hide: Callable[[str], str]) -> int:
    """Return where a line without an end can be cut so that no secret is."""
    for place in range(len(data) - MARGIN, len(data) // 2, -MARGIN):
        before, after = (
            part.decode(errors="replace")
            for part in (data[place - MARGIN : place], data[place : place + MARGIN])
        )
        if hide(before + after) == hide(before) + hide(after):
            return place
    return len(data) // 2


def _end(folder: str) -> End | None:
    """Return how a command ended, by what the keeper has noted."""
    noted = _read_json(f"{folder}/ended")
    if noted is None:
        return None
    began, limit = map(float, read_text(f"{folder}/began").split())
    refusal = printable(read_text(f"{folder}/refusal")).strip()
    return end_of(noted, noted["at"] - began, limit, refusal)


def end_of(noted: dict[str, Any], seconds: float, limit: float, refusal: str = "") -> End:
    """Return how a command ended.

    Args:
        noted: What the keeper has noted, in systemd's words.
        seconds: How long it took.
        limit: Seconds that it was given.
        refusal: What systemd-run(1) said.
    """
    seconds = round(max(0.0, seconds), 1)
    number = int(noted.get("status") or 0)
    result = noted.get("result", "")
    if noted.get("reason") == INTERRUPTED:
        return End(130, "it was interrupted", seconds)
    if noted.get("reason") == GONE:
        return End(130, "its controller was gone, so the host stopped it", seconds)
    if noted.get("load") != "loaded" or noted.get("code") == "0":
        told = refusal or "no reason given"
        return End(125, f"systemd did not start it: {told}", seconds)
    if result == "timeout" and noted["code"] == "1" and seconds < limit:
        # It ended by itself, and what it had left did not heed SIGTERM.
        result = "exit-code" if number else "success"
    if result == "success":
        return End(0, "", seconds)
    state = {"Result": result, "ExecMainCode": noted["code"], "ExecMainStatus": f"{number}"}
    told = confined.problem(state, limit)
    if result == "timeout":
        return End(124, f"{told}; give it longer: -e run_seconds=...", seconds)
    return End(number if noted["code"] == "1" else 128 + number, told, seconds)


def _folder(application: Application, identifier: str) -> str:
    if not ID.fullmatch(identifier):
        raise CommandError(f"id is {identifier!r}; expected eight of 0-9 and a-f")
    return os.path.join(RUNTIME, unit_name(application.name, f"run-{identifier}"))


def _renew(folder: str) -> None:
    with open(f"{folder}/lease", "w", encoding="utf-8"):
        pass


def _read_json(path: str) -> dict[str, Any] | None:
    text = read_text(path)
    found: dict[str, Any] | None = json.loads(text) if text else None
    return found


def _read_bytes(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return b""


def _write_bytes(path: str, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with open(descriptor, "wb") as file:
        file.write(data)


def _run(*call: str) -> None:
    result = subprocess.run(call, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise CommandError(
            f"systemd did not start it: {printable(result.stderr).strip() or 'no reason given'}"
        )
