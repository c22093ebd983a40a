"""A change to how a host is reached, which the host takes back unless somebody comes back.

An established connection survives a rule, or a setting of sshd, that forbids it. Only a new one
proves that the operator still gets in; until then a timer of systemd holds the way back.
"""

# No AnsibleModule here, whose run_command ansible-test asks for.
# pylint: disable=ansible-bad-function

from __future__ import annotations

import fcntl
import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

from ansible_collections.asgi.fleet.plugins.module_utils.host.session import Session


class WayBack:
    """The way back of one kind of change, of which one at a time may wait for its proof."""

    def __init__(self, what: str, unit: str, folder: Path) -> None:
        """Take what is changed.

        Args:
            what: What is changed, for messages: "the firewall".
            unit: The name of the timer.
            folder: What holds the way back. Below /run it is gone with the next boot, as the timer
                is; the change is not.
        """
        self.what, self.unit, self.folder = what, unit, folder
        self.script, self.decided = folder / "undo", folder / "decided"
        self.note = folder / "session"
        self.lock = folder.with_name(f"{folder.name}.lock")
        self.held = -1

    @property
    def pending(self) -> bool:
        """Whether a change still waits for a decision, such as that of a run that was ended."""
        return self.script.exists() and not self.decided.exists()

    def begin(self, session: Session) -> None:
        """Make the folder anew, and hold the lock until `count` or `take_back`.

        The way back waits for this lock: what it put back while the change is still being made,
        the change would make again.

        Args:
            session: The session that the change is made in.
        """
        self.held = os.open(self.lock, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        # A way back that is being gone ends first.
        fcntl.flock(self.held, fcntl.LOCK_EX)
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(mode=0o700)
        self.note.write_text(json.dumps(list(session)))

    def save(self, paths: Iterable[Path]) -> list[str]:
        """Copy files as they are, and return the commands that put them back."""
        before = self.folder / "before"
        before.mkdir()
        commands = []
        for number, path in enumerate(paths):
            if not path.exists():
                commands.append(shlex.join(["rm", "-f", str(path)]))
                continue
            saved = before / f"{number}-{path.name}"
            shutil.copy2(path, saved)
            commands.append(shlex.join(["cp", "-p", str(saved), str(path)]))
        return commands

    def start(self, seconds: int, commands: Iterable[str]) -> None:
        """Have the commands run in some seconds.

        Args:
            seconds: How long the controller has to come back.
            commands: Lines of a shell, which put back what is about to be changed.
        """
        self.script.write_text("\n".join(self._lines(commands)) + "\n")
        self._start(seconds)

    def count(self, seconds: int) -> None:
        """Give the controller the whole time from now on: all is changed."""
        self._start(seconds)
        self._release()

    def take_back(self) -> None:
        """Put everything back now."""
        self._stop()
        self._release()
        call("/bin/sh", str(self.script))

    def keep(self, session: Session | None) -> str:
        """Let the change stay, if this session is a new one.

        Returns:
            Empty if it stays; else why it does not.
        """
        if not self.note.exists():
            return f"no change of {self.what} waits for a decision"
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
        call(
            *("systemd-run", "--quiet", "--collect", f"--unit={self.unit}"),
            *(f"--on-active={seconds}", "--timer-property=AccuracySec=100ms"),
            *("/bin/sh", str(self.script)),
        )

    def _stop(self) -> None:
        call("systemctl", "stop", f"{self.unit}.timer", f"{self.unit}.service", check=False)

    def _release(self) -> None:
        if self.held >= 0:
            os.close(self.held)
            self.held = -1

    def _lines(self, commands: Iterable[str]) -> Iterator[str]:
        yield f"# Puts {self.what} back: nobody came back over a new connection."
        yield f"exec 9>>{shlex.quote(str(self.lock))} && flock 9"
        yield f"mkdir {shlex.quote(str(self.decided))} || exit 0"
        yield from commands


def call(*command: str, check: bool = True) -> str:
    """Run a command, and return its output; without the program, the output is empty."""
    try:
        return subprocess.run(
            command, capture_output=True, text=True, check=check, start_new_session=True
        ).stdout
    except FileNotFoundError:
        if check:
            raise
        return ""
