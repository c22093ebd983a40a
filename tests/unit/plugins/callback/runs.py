"""Runs of playbooks as a person starts them: into a pipe, and in a terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]
OURS, ANSIBLES = "asgi.fleet.rollout", "ansible.builtin.default"
#: What moves the cursor, erases and colours.
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def command(playbook: Path, *arguments: str, hosts: str = "web1,web2,") -> list[str]:
    program = Path(sys.executable).parent / "ansible-playbook"
    return [str(program), "-i", hosts, str(playbook), *arguments]


def environment(folder: Path, callback: str = OURS, **more: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {
        **kept,
        "LC_ALL": "C.UTF-8",
        "TERM": "xterm-256color",
        "ANSIBLE_STDOUT_CALLBACK": callback,
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "XDG_CACHE_HOME": str(folder / "cache"),
    } | more


def piped(
    playbook: Path, *arguments: str, callback: str = OURS, **more: str
) -> subprocess.CompletedProcess[str]:
    """Run a playbook, its output to a pipe."""
    return subprocess.run(
        command(playbook, *arguments),
        cwd=ROOT,
        env=environment(playbook.parent, callback, **more),
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


@dataclass(frozen=True)
class Seen:
    """What a terminal was sent.

    Attributes:
        raw: Everything, escapes included.
        status: The exit status.
        echoes: Whether the terminal shows what is typed, at the end.
    """

    raw: str
    status: int
    echoes: bool

    @property
    def text(self) -> str:
        """Everything that was ever written, also what was erased."""
        return ESCAPES.sub("", self.raw).replace("\r", "")


Answer = Callable[[int, int], None]
"""Takes the terminal's descriptor and the process id, and does something."""


def typed(text: str) -> Answer:
    def act(terminal: int, _process: int) -> None:
        os.write(terminal, text.encode())

    return act


def in_terminal(
    playbook: Path,
    *arguments: str,
    answers: Sequence[tuple[str, Answer]] = (),
    size: tuple[int, int] = (100, 40),
    **more: str,
) -> Seen:
    """Run a playbook in a terminal.

    Args:
        playbook: The playbook.
        arguments: More of the command line.
        answers: What to do once a pattern is seen, in this order.
        size: Columns and lines.
        more: Variables of the environment.
    """
    terminal, user = pty.openpty()
    fcntl.ioctl(user, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
    process = subprocess.Popen(
        # It becomes the terminal of the process, which keeps its id.
        ["setsid", "--ctty", *command(playbook, *arguments)],
        cwd=ROOT,
        env=environment(playbook.parent, **more),
        stdin=user,
        stdout=user,
        stderr=user,
    )
    os.set_blocking(terminal, False)
    raw, since = "", 0
    waiting = list(answers)
    end = time.monotonic() + 90
    ended = False
    while time.monotonic() < end:
        try:
            raw += os.read(terminal, 65536).decode(errors="replace")
        except BlockingIOError:
            if ended:
                break
            ended = process.poll() is not None
            time.sleep(0.05)
        text = ESCAPES.sub("", raw[since:])
        if waiting and re.search(waiting[0][0], text):
            since = len(raw)
            waiting.pop(0)[1](terminal, process.pid)
    echoes = bool(termios.tcgetattr(user)[3] & termios.ECHO)
    os.close(user)
    os.close(terminal)
    if not ended:
        process.kill()
    assert ended, f"still running:\n{raw}"
    assert not waiting, f"never seen: {waiting[0][0]}\n{raw}"
    return Seen(raw, process.returncode, echoes)
