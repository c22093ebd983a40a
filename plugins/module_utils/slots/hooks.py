"""Commands of the application, run in its own environment."""

# ansible-test asks for run_command, which knows neither another user nor a timeout.
# pylint: disable=ansible-bad-function

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from typing import IO, Any

#: Where systemd keeps the state directories of services.
STATE_PARENT = "/var/lib"
#: Lines of a hook's output that a failure shows.
SHOWN_LINES = 40
#: Bytes of a hook's output that are kept.
KEPT_BYTES = 64 * 1024


class HookError(Exception):
    """A command failed or took too long; the message has the end of its output."""


def run_hook(
    command: str, release_path: str, user: str, environment: Mapping[str, str], timeout: float
) -> dict[str, Any]:
    """Run one command with the application's user, release, environment and folder.

    Args:
        command: For /bin/sh; the release's own programs come first in its PATH.
        release_path: folder of the release.
        user: name of the account.
        environment: The application's environment, which overrides what is set here.
        timeout: Seconds after which it is killed, with everything that it started.

    Returns:
        `seconds` and `output` (both streams, in order).

    Raises:
        HookError: it failed or took too long; with the end of its output.
    """
    account = pwd.getpwnam(user)
    venv = os.path.join(release_path, ".venv")
    application = os.path.basename(os.path.dirname(os.path.dirname(release_path)))
    home = os.path.join(STATE_PARENT, application, "state")
    os.makedirs(home, mode=0o755, exist_ok=True)
    os.chown(home, account.pw_uid, account.pw_gid)
    began = time.monotonic()
    # Not a pipe: a process that the command leaves behind in another session would keep it open.
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            ["/bin/sh", "-c", command],
            cwd=os.path.join(release_path, "src"),
            env={
                "PATH": f"{venv}/bin:/usr/local/bin:/usr/bin:/bin",
                "HOME": home,
                "LANG": "C.UTF-8",
                "VIRTUAL_ENV": venv,
                "FLEET_APP": application,
                "FLEET_RELEASE": os.path.basename(release_path),
                **environment,
            },
            user=account.pw_uid,
            group=account.pw_gid,
            extra_groups=[],
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise HookError(
                f"the hook {command!r} did not end within {timeout:g} s and was killed; raise its "
                f"timeout or make it shorter. The end of its output:\n{_tail(_read_end(output))}"
            ) from None
        told = _read_end(output)
    if process.returncode != 0:
        raise HookError(
            f"the hook {command!r} failed with exit status {process.returncode}. The end of its "
            f"output:\n{_tail(told)}"
        )
    return {"seconds": round(time.monotonic() - began, 2), "output": told}


def _read_end(output: IO[bytes]) -> str:
    """Return the last `KEPT_BYTES` of a file."""
    size = output.seek(0, os.SEEK_END)
    output.seek(max(0, size - KEPT_BYTES))
    return output.read().decode(errors="replace")


def _tail(text: str) -> str:
    return "".join(f"  {line}\n" for line in text.splitlines()[-SHOWN_LINES:])
