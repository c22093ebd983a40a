"""What puts a measurement away: a unit of its own, which outlives whatever happens to the module.

The module holds a lock, for which the keeper waits. The kernel releases it when the module ends,
however it ends: then the keeper stops the slot and what measures, and removes their files. After a
normal end it is the same keeper that does it, so that there is one way and not two.
"""

# No AnsibleModule here, whose run_command ansible-test asks for.
# pylint: disable=ansible-bad-function

from __future__ import annotations

import contextlib
import fcntl
import os
import shlex
import subprocess
import time
from collections.abc import Iterator

from ansible_collections.asgi.fleet.plugins.module_utils.application.lock import lock_path
from ansible_collections.asgi.fleet.plugins.module_utils.host import systemd
from ansible_collections.asgi.fleet.plugins.module_utils.host.systemd import Refusal
from ansible_collections.asgi.fleet.plugins.module_utils.tuning.place import TuneSlot

#: Seconds that the keeper may take: systemd kills a slot that does not stop.
PATIENCE_SECONDS = 180.0
POLL_SECONDS = 0.1
#: What is started besides the slot.
PARTS = ("load", "front")


def script(slot: TuneSlot, held: str, rollout: str) -> str:
    """Return what the keeper does, for /bin/sh.

    Args:
        slot: The slot of the measurement.
        held: The file that the module holds a lock on.
        rollout: The id under which the application is locked.
    """
    parts = [f"{slot.part(name)}.service" for name in PARTS]
    socket, service = slot.units
    lock = lock_path(slot.application)
    commands = [
        ["flock", held, "true"],
        ["systemctl", "stop", "--quiet", *parts],
        ["systemctl", "stop", "--quiet", service, socket],
        ["systemctl", "kill", "--signal=KILL", service],
        ["rm", "-rf", *(slot.files[kind] for kind in ("socket", "service"))],
        ["rm", "-rf", os.path.dirname(slot.drop_in), slot.tool_folder, slot.folder],
        ["systemctl", "daemon-reload"],
        ["systemctl", "reset-failed", service, socket, *parts],
    ]
    # systemctl complains of units that are not there any more.
    lines = [f"{shlex.join(command)} 2>/dev/null" for command in commands]
    lines.append(f"if grep -qF {shlex.quote(rollout)} {lock}; then rm -f {lock}; fi")
    # What is not there any more is no failure; what could not be removed is.
    kept = " -o ".join(f"-e {shlex.quote(path)}" for path in (slot.folder, slot.files["service"]))
    return "\n".join([*lines, f"test ! \\( {kept} \\)"])


@contextlib.contextmanager
def kept(slot: TuneSlot, rollout: str) -> Iterator[None]:
    """Have all of it be put away when this ends, or is ended.

    Raises:
        Refusal: The keeper of an earlier measurement does not end, or this one could not do it.
    """
    keeper = f"{slot.part('keeper')}.service"
    _await_end(keeper)
    os.makedirs(slot.folder, mode=0o755, exist_ok=True)
    held = os.path.join(slot.folder, "held")
    descriptor = os.open(held, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        _start(keeper, script(slot, held, rollout))
        yield
    finally:
        os.close(descriptor)
        _await_end(keeper)


def _start(keeper: str, commands: str) -> None:
    call = ["systemd-run", "--quiet", "--collect", f"--unit={keeper}"]
    # Without one systemd would show the whole script.
    call += [f"--description={keeper}, run by asgi.fleet", "--property=TimeoutStopSec=infinity"]
    call += ["/bin/sh", "-c", commands.replace("$", "$$")]
    result = subprocess.run(
        call, capture_output=True, text=True, check=False, start_new_session=True
    )
    if result.returncode:
        raise Refusal(
            f"systemd did not start {keeper}: {result.stderr.strip()}; nothing was started without "
            "it, since nobody would put it away; see `systemctl status` on the host"
        )


def _await_end(keeper: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while systemd.show(keeper)["ActiveState"] in ("active", "activating", "deactivating"):
        if time.monotonic() >= deadline:
            raise Refusal(
                f"{keeper} has not put the measurement away within {PATIENCE_SECONDS:g} s; see "
                f"`systemctl status {keeper}` on the host; the live slot serves on"
            )
        time.sleep(POLL_SECONDS)
