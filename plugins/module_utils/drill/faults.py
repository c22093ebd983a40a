"""Faults: what is done to a host, and how it is seen to be over.

Each one that lasts is a transient unit (systemd-run(1)) with a time limit. What it does ends with
it: a full disk is a file without a name, which is gone with its process, and sshd is started again
by the unit's own end. So a host is put right without its controller, and after a reboot.
"""

# No AnsibleModule here, whose run_command ansible-test asks for.
# pylint: disable=ansible-bad-function

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass

from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import (
    Application,
    Slot,
    other,
)
from ansible_collections.asgi.fleet.plugins.module_utils.drill.units import (
    DrillError,
    running,
    start,
    stop,
)
from ansible_collections.asgi.fleet.plugins.module_utils.host import systemd
from ansible_collections.asgi.fleet.plugins.module_utils.slots.health import (
    Health,
    unhealthy,
    workers_of,
)

MIB = 1 << 20
#: Bytes that are left of a full file system: less than any release needs, and enough for a log.
LEFT_BYTES = 4 * MIB
#: Seconds in which a kill must be over, and between two looks.
HEAL_SECONDS, LOOK_SECONDS = 60.0, 0.1
#: Seconds for which a host waits for the rollout in whose middle it is lost.
LURK_SECONDS = 600
#: sshd's units, of Debian and Ubuntu, and what its processes are called.
SSH_UNITS = ("ssh.socket", "ssh.service")
SSH_PROCESSES = ("sshd", "sshd-session", "sshd-auth")

#: Takes room without a name, says so by the room that is gone, and keeps it until it ends.
FILL = """
import os, sys, time
folder, size = sys.argv[1], int(sys.argv[2])
room = os.open(folder, os.O_TMPFILE | os.O_RDWR, 0o600)
os.posix_fallocate(room, 0, size)
print("full", flush=True)
time.sleep(86400)
"""
#: Waits for a unit, then ends sshd and its sessions for some seconds. $1: the unit, $2: seconds.
LOSE = """
until systemctl -q is-active "$1"; do sleep 0.1; done
sleep 0.5
systemctl stop {units}
for process in /proc/[0-9]*; do
    case "$(cat "$process/comm" 2>/dev/null)" in
        {processes}) kill -KILL "${{process#/proc/}}" ;;
    esac
done
sleep "$2"
"""


@dataclass(frozen=True)
class Request:
    """What is done to an application on this host.

    Attributes:
        application: The application.
        health: What is healthy.
        seconds: How long a fault lasts at most, in seconds; that of `lose_host` from when it
            begins.
        most_bytes: The largest file that fills a disk.
    """

    application: Application
    health: Health
    seconds: int
    most_bytes: int

    def slot(self) -> Slot:
        """Return the live slot.

        Raises:
            DrillError: There is none.
        """
        name = self.application.live_slot()
        if name is None:
            raise DrillError(
                f"{self.application.name} has no live release on this host; expected one; run "
                "ansible-playbook deploy.yml first"
            )
        return self.application.slot(name)


def kill_worker(request: Request) -> float:
    """Kill a worker of the live slot with SIGKILL; return the seconds until all are healthy."""
    slot = request.slot()
    master = _master(slot)
    workers = workers_of(master)
    if not workers:
        raise DrillError(f"{slot.unit} has no worker to kill; expected one; see status.yml")
    victim = workers[0]
    os.kill(victim, signal.SIGKILL)
    return _healed(request, slot, lambda: victim not in workers_of(_master(slot)))


def kill_master(request: Request) -> float:
    """Kill Gunicorn's master with SIGKILL; return the seconds until its successor is healthy."""
    slot = request.slot()
    victim = _master(slot)
    os.kill(victim, signal.SIGKILL)
    return _healed(request, slot, lambda: _master(slot) not in (0, victim))


def reload_nginx(_request: Request) -> float:
    """Reload nginx; return the seconds until it has."""
    began = time.monotonic()
    systemd.systemctl("reload", "nginx.service")
    return time.monotonic() - began


def fill_disk(request: Request) -> float:
    """Fill the file system of the releases.

    Raises:
        DrillError: It cannot be filled, with the reason.
    """
    folder = request.application.releases
    free = _free(folder)
    size = free - LEFT_BYTES
    if size > request.most_bytes:
        raise DrillError(
            f"{free // MIB} MiB are free on the file system of {folder}, and a file of at most "
            f"{request.most_bytes // MIB} MiB does not fill it; to fill it all the same: "
            f"-e drill_disk_mb={size // MIB + 1}"
        )
    if size > 0:
        command = ["/usr/bin/python3", "-I", "-c", FILL, folder, str(size)]
        start(request.application, "fill", command, request.seconds)
        _wait(lambda: _free(folder) <= 2 * LEFT_BYTES or not running(request.application, "fill"))
        if not running(request.application, "fill"):
            raise DrillError(
                f"the file system of {folder} cannot be filled: it takes no file of {size // MIB} "
                "MiB that is reserved at once (posix_fallocate)"
            )
    return 0.0


def lose_host(request: Request) -> float:
    """End sshd and its sessions as soon as the idle slot starts, for some seconds.

    Raises:
        DrillError: sshd would not come back.
    """
    active = [unit for unit in SSH_UNITS if systemd.show(unit)["ActiveState"] == "active"]
    if not active:
        raise DrillError(
            f"neither {' nor '.join(SSH_UNITS)} runs on this host; expected one of them, since it "
            "is stopped and started again; it is reached in another way"
        )
    test = subprocess.run(["sshd", "-t"], capture_output=True, text=True, check=False)
    if test.returncode != 0:
        raise DrillError(
            f"sshd would not start again: {test.stderr.strip()}; expected no error of `sshd -t`"
        )
    script = LOSE.format(units=" ".join(active), processes="|".join(SSH_PROCESSES))
    slot = request.application.slot(other(request.application.live_slot()))
    command = ["/bin/sh", "-c", script, "sh", slot.units[1], str(request.seconds)]
    # Also when the script is killed, or its time is over; when the host restarts, sshd does too.
    after = f"ExecStopPost=/usr/bin/systemctl start {' '.join(active)}"
    start(request.application, "lose", command, LURK_SECONDS + request.seconds, after)
    return 0.0


#: What is done by an exercise of a name.
FAULTS: dict[str, Callable[[Request], float]] = {
    "kill_worker": kill_worker,
    "kill_master": kill_master,
    "reload_nginx": reload_nginx,
    "full_disk": fill_disk,
    "host_lost": lose_host,
}


def mend(application: Application) -> list[str]:
    """End all faults of this host; return the names of those that were not over."""
    found = [name for name in ("fill", "lose") if running(application, name)]
    for name in found:
        stop(application, name)
    return found


def _master(slot: Slot) -> int:
    return int(systemd.show(slot.units[1])["MainPID"] or 0)


def _healed(request: Request, slot: Slot, replaced: Callable[[], bool]) -> float:
    """Return the seconds until what was killed is replaced, and the slot is healthy.

    Raises:
        DrillError: That did not happen.
    """
    began = time.monotonic()
    planned = slot.planned_workers()

    def problem() -> str | None:
        if not replaced():
            return "what was killed is not replaced"
        return unhealthy(slot, request.health, planned, systemd.show(slot.units[1]))

    if not _wait(lambda: problem() is None):
        raise DrillError(f"{slot.unit} is not healthy after {HEAL_SECONDS:g} s: {problem()}")
    return time.monotonic() - began


def _wait(is_so: Callable[[], bool]) -> bool:
    """Wait for something, and return whether it came."""
    deadline = time.monotonic() + HEAL_SECONDS
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(LOOK_SECONDS)
    return True


def _free(folder: str) -> int:
    """Return the bytes that root may still write on a file system."""
    known = os.statvfs(folder)
    return known.f_bfree * known.f_frsize
