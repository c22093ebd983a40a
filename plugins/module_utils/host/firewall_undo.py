"""A change of the firewall that the host takes back by itself, unless somebody comes back.

An established connection survives a rule that forbids it. Only a new one proves that the operator
still gets in; until then a timer of systemd holds the way back.
"""

# No AnsibleModule here, whose run_command ansible-test asks for.
# pylint: disable=ansible-bad-function

from __future__ import annotations

import fcntl
import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from ansible_collections.asgi.fleet.plugins.module_utils.host.session import Session

UNIT = "asgi-fleet-firewall-undo"
#: Gone with the next boot; the rules are not, as ufw reads them from /etc.
FOLDER = Path("/run/asgi-fleet-firewall")
#: What commands of ufw write.
FILES = ("/etc/ufw/user.rules", "/etc/ufw/user6.rules", "/etc/ufw/ufw.conf", "/etc/default/ufw")
#: What ufw sets when it is switched on.
SYSCTL = Path("/etc/ufw/sysctl.conf")
PARAMETERS = Path("/proc/sys")
POLICY = re.compile(r"^-P \w+ \w+$", re.MULTILINE)


class Undo:
    """The way back of one change."""

    def __init__(self, folder: Path = FOLDER, root: Path = Path("/")) -> None:
        """Take the folder that holds it, and the root below which the files of ufw are."""
        self.folder, self.root = folder, root
        self.script, self.decided = folder / "undo", folder / "decided"
        self.note = folder / "session"
        self.lock = folder.with_name(f"{folder.name}.lock")
        self.held = -1

    @property
    def pending(self) -> bool:
        """Whether a change still waits for a decision, such as that of a run that was ended."""
        return self.script.exists() and not self.decided.exists()

    def arm(self, seconds: int, session: Session, *, active: bool) -> None:
        """Note how the firewall stands, and have it put back in some seconds.

        Not while this process lives, until `count`: ufw may take longer than that, and what it did
        after the way back would stay.

        Args:
            seconds: How long the controller has to come back.
            session: The session that the change is made in.
            active: Whether ufw is on.
        """
        self.held = os.open(self.lock, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        # A way back that is being gone ends first.
        fcntl.flock(self.held, fcntl.LOCK_EX)
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(mode=0o700)
        before = self.folder / "before"
        before.mkdir()
        files = [path for path in FILES if (self.root / path.lstrip("/")).exists()]
        for path in files:
            shutil.copy2(self.root / path.lstrip("/"), before / path.strip("/").replace("/", "-"))
        self.note.write_text(json.dumps(list(session)))
        self.script.write_text("\n".join(self._script(files, active=active)) + "\n")
        self._start(seconds)

    def count(self, seconds: int) -> None:
        """Give the controller the whole time from now on: all is changed."""
        self._start(seconds)
        self._release()

    def take_back(self) -> None:
        """Put the firewall back now."""
        self._stop()
        self._release()
        _call("/bin/sh", str(self.script))

    def keep(self, session: Session | None) -> str:
        """Let the change stay, if this session is a new one.

        Returns:
            Empty if it stays; else why it does not.
        """
        if not self.note.exists():
            return "no change of the firewall waits for a decision"
        if session is None or list(session) == json.loads(self.note.read_text()):
            return "this is not a new connection"
        try:
            # Whoever makes this folder first decides.
            self.decided.mkdir()
        except FileExistsError:
            return "the host has taken the change back before"
        self._stop()
        shutil.rmtree(self.folder)
        return ""

    def _start(self, seconds: int) -> None:
        # One that waits for the lock, or of a run that was ended in the middle.
        self._stop()
        _call(
            *("systemd-run", "--quiet", "--collect", f"--unit={UNIT}"),
            *(f"--on-active={seconds}", "--timer-property=AccuracySec=100ms"),
            *("/bin/sh", str(self.script)),
        )

    def _stop(self) -> None:
        _call("systemctl", "stop", f"{UNIT}.timer", f"{UNIT}.service", check=False)

    def _release(self) -> None:
        if self.held >= 0:
            os.close(self.held)
            self.held = -1

    def _script(self, files: list[str], *, active: bool) -> Iterator[str]:
        """Yield the lines of the script that puts back what `arm` has noted."""
        yield "# Puts the firewall back as it was: nobody came back over a new connection."
        yield f"exec 9>>{shlex.quote(str(self.lock))} && flock 9"
        yield f"mkdir {shlex.quote(str(self.decided))} || exit 0"
        if not active:
            yield "ufw --force disable"
        for path in files:
            saved = self.folder / "before" / path.strip("/").replace("/", "-")
            yield shlex.join(["cp", "-p", str(saved), str(self.root / path.lstrip("/"))])
        if active:
            yield "ufw reload"
            return
        for program in ("iptables", "ip6tables"):
            for policy in POLICY.findall(_call(program, "-S", check=False)):
                yield f"{program} {policy}"
        yield from _parameters()


def _parameters() -> Iterator[str]:
    """Yield commands that set the kernel's parameters as they are, of those that ufw will set."""
    if not SYSCTL.exists():
        return
    for name in re.findall(r"^\s*([\w./-]+)\s*=", SYSCTL.read_text(), re.MULTILINE):
        path = PARAMETERS / name
        if path.exists():
            yield f"echo {shlex.quote(path.read_text().strip())} >{shlex.quote(str(path))}"


def _call(*command: str, check: bool = True) -> str:
    """Run a command; without the program, the answer is empty."""
    try:
        return subprocess.run(
            command, capture_output=True, text=True, check=check, start_new_session=True
        ).stdout
    except FileNotFoundError:
        if check:
            raise
        return ""
