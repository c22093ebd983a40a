"""One command in the world of the live slot, which ends with its controller.

Two transient units (systemd-run(1)) of which nothing stays:

    asgi-fleet-<app>-run-<id>          the command: as the service, in its sandbox
    asgi-fleet-<app>-run-<id>-keeper   root's: notes how it ended, and ends it when nobody asks

What the command prints goes into a pipe, which the keeper holds open. It is read by one call of a
module after the other (following.py), each of which renews the lease. When the pipe is full, the
command waits.
"""

# No AnsibleModule here, whose run_command ansible-test asks for.
# pylint: disable=ansible-bad-function

from __future__ import annotations

import json
import os
import pwd
import re
import shlex
import shutil
import subprocess
import syslog
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

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
from ansible_collections.asgi.fleet.plugins.module_utils.host.files import read_text, write_file
from ansible_collections.asgi.fleet.plugins.module_utils.operation.command_end import GONE
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
    folder = folder_of(application, request.id)
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
        renew(folder)
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


def folder_of(application: Application, identifier: str) -> str:
    """Return the folder of a run, which may not be there.

    Raises:
        CommandError: The id is none.
    """
    if not ID.fullmatch(identifier):
        raise CommandError(f"id is {identifier!r}; expected eight of 0-9 and a-f")
    return os.path.join(RUNTIME, unit_name(application.name, f"run-{identifier}"))


def renew(folder: str) -> None:
    """Renew the lease of a run: without one, its keeper ends it."""
    with open(f"{folder}/lease", "w", encoding="utf-8"):
        pass


def _run(*call: str) -> None:
    result = subprocess.run(call, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise CommandError(
            f"systemd did not start it: {printable(result.stderr).strip() or 'no reason given'}"
        )
