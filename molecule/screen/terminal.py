"""A terminal with an operator before it: a pane of tmux, which is typed into and looked at."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

ROOT = Path(__file__).resolve().parents[2]
PROMPT = "$ "
#: Seconds between two looks at the screen.
LOOK = 0.2


@dataclass
class Terminal:
    """One pane.

    Attributes:
        socket: The socket of a tmux server of its own.
        environment: Of the shell in it.
        width: Columns.
        height: Lines.
        captures: Where the screens are kept, by name.
    """

    socket: Path
    environment: Mapping[str, str]
    width: int = 120
    height: int = 40
    captures: dict[str, str] = field(default_factory=dict)

    def __enter__(self) -> Self:
        size = ("-x", str(self.width), "-y", str(self.height))
        self._tmux("-f", "/dev/null", "new-session", "-d", *size, "bash --norc --noprofile")
        self.type(f"PS1='{PROMPT}'; clear")
        self.wait(lambda screen: screen.strip() == PROMPT.strip(), 10)
        return self

    def __exit__(self, *_error: object) -> None:
        self._tmux("kill-server")

    def type(self, text: str) -> None:
        """Type a line."""
        self._tmux("send-keys", text, "Enter")

    def key(self, name: str) -> None:
        """Press a key, such as `C-c`."""
        self._tmux("send-keys", name)

    def screen(self) -> str:
        """Return what can be seen."""
        return self._tmux("capture-pane", "-p").rstrip("\n")

    def everything(self) -> str:
        """Return what can be seen, and what has scrolled away; long lines are one."""
        return self._tmux("capture-pane", "-p", "-J", "-S", "-").rstrip("\n")

    def wait(self, seen: Callable[[str], bool], seconds: float) -> str:
        """Wait until the screen shows something, and return it."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            screen = self.screen()
            if seen(screen):
                return screen
            time.sleep(LOOK)
        raise AssertionError(f"not seen in {seconds} s; the screen has:\n{self.screen()}")

    def wait_for(self, pattern: str, seconds: float = 60) -> str:
        """Wait until the screen shows a pattern, and return it."""
        return self.wait(lambda screen: bool(re.search(pattern, screen)), seconds)

    def run(self, command: str) -> None:
        """Type a command on an empty screen; `end` waits for it."""
        self.type("clear")
        self.wait(lambda screen: screen.strip() == PROMPT.strip(), 10)
        self._tmux("clear-history")
        self.type(f'{command}; echo "[ended: $?]"')

    def end(self, seconds: float = 120) -> int:
        """Wait until the command has ended, and return its exit status."""
        screen = self.wait_for(r"(?m)^\[ended: \d+\]", seconds)
        found = re.findall(r"(?m)^\[ended: (\d+)\]", screen)
        return int(found[-1])

    def keep(self, name: str) -> str:
        """Keep what can be seen under a name, and return it."""
        self.captures[name] = self.screen()
        return self.captures[name]

    def has_cursor(self) -> bool:
        """Return whether the cursor is there."""
        return self._tmux("display-message", "-p", "#{cursor_flag}").strip() == "1"

    def _tmux(self, *arguments: str) -> str:
        return subprocess.run(
            ["tmux", "-S", str(self.socket), *arguments],
            cwd=ROOT,
            env=dict(self.environment),
            capture_output=True,
            text=True,
            check=True,
        ).stdout
