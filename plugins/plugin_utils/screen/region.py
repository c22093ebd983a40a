"""Keeps a picture at the end of a terminal, below what is printed: rich's `Live`, and a clock.

Ansible prints by `sys.stdout` and `sys.stderr`, in two threads, and forks. So both streams are
replaced while the picture is there, and everything happens within the lock that Ansible holds while
it prints and while it forks: a worker never begins with a lock that nobody will release.

The library rich is imported here and nowhere else; `HAS_RICH` says whether it is there.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Self, TextIO

from ansible_collections.asgi.fleet.plugins.plugin_utils.screen.picture import Line, Screen, signs

try:
    from rich.console import Console, ConsoleOptions
    from rich.live import Live
    from rich.segment import Segment
    from rich.style import Style

    HAS_RICH = True
except ImportError:
    HAS_RICH = False

#: Seconds between two pictures. What happens is seen at once enough, and costs little.
INTERVAL = 0.25

Draw = Callable[[Screen], Sequence[Line]]
"""Returns the picture for a screen."""


def segments(lines: Sequence[Line]) -> Iterator[Segment]:
    """Yield lines as rich writes them."""
    for number, line in enumerate(lines):
        if number:
            yield Segment.line()
        for text, style in line:
            yield Segment(text, Style.parse(style) if style else None)


class Drawn:
    """Lines as rich takes them."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self.lines = lines

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        """Yield the segments."""
        del console, options
        yield from segments(self.lines)


class _Raw(Drawn):
    """Text that is written as it is, escapes of colours included."""

    def __init__(self, text: str) -> None:
        super().__init__([((text, ""),)])


class Above:
    """A stream whose lines come out above the picture."""

    def __init__(self, region: Region, stream: TextIO) -> None:
        self._region = region
        self._stream = stream
        self._rest = ""

    def write(self, text: str) -> int:
        """Write text; what has no end of line yet waits for it."""
        if os.getpid() != self._region.process:
            return self._stream.write(text)
        with self._region.lock:
            whole, newline, self._rest = (self._rest + text).rpartition("\n")
            if newline:
                self._region.print_above(whole + newline)
        return len(text)

    def finish(self) -> None:
        """Write what waits."""
        rest, self._rest = self._rest, ""
        if rest:
            self._stream.write(rest)

    def flush(self) -> None:
        """Flush what was written."""
        self._stream.flush()

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)


class Region:
    """The picture at the end of the terminal.

    Attributes:
        lock: Ansible's lock of its output.
        process: The process that draws; workers are forks of it.
    """

    def __init__(self, draw: Draw, lock: threading.RLock, *, colours: bool = True) -> None:
        """Prepare it; nothing is drawn before `open`.

        Args:
            draw: Returns the picture; called within the lock.
            lock: Ansible's lock of its output, which can be taken again by who holds it.
            colours: Whether colours are wanted.
        """
        self.lock = lock
        self.process = os.getpid()
        self._draw = draw
        self._stdout: TextIO = sys.stdout
        self._console = Console(
            file=self._stdout,
            highlight=False,
            markup=False,
            emoji=False,
            no_color=True if not colours else None,
        )
        self._signs = signs(self._stdout.encoding or "ascii")
        self._live: Live | None = None
        self._shown: tuple[Screen, Sequence[Line]] | None = None
        self._replaced: list[tuple[str, TextIO, Above]] = []
        self._stop = threading.Event()

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def is_open(self) -> bool:
        """Whether the picture is there."""
        return self._live is not None

    def screen(self) -> Screen:
        """Return the size that the picture may have: one line is left for the cursor."""
        size = self._console.size
        return Screen(size.width, max(1, size.height - 1), self._signs)

    def open(self) -> None:
        """Show the picture, until `close`."""
        with self.lock:
            if self._live is not None:
                return
            self._live = Live(
                get_renderable=self._renderable,
                console=self._console,
                auto_refresh=False,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
                vertical_overflow="crop",
            )
            self._live.start()
            # It has been asked for, and not been drawn.
            self._shown = None
            # A cursor that is hidden stays so if the process is killed.
            self._console.show_cursor(True)
            for name in ("stdout", "stderr"):
                stream = getattr(sys, name)
                if stream.isatty():
                    above = Above(self, stream)
                    self._replaced.append((name, stream, above))
                    setattr(sys, name, above)
            self._stop = threading.Event()
            threading.Thread(
                target=self._tick, args=(self._stop,), daemon=True, name="asgi.fleet.screen"
            ).start()

    def close(self) -> None:
        """Remove the picture, and give the terminal back as it was."""
        with self.lock:
            if self._live is None:
                return
            self._stop.set()
            live, self._live = self._live, None
            self._shown = None
            with contextlib.suppress(OSError):
                live.stop()
            for name, stream, above in self._replaced:
                if getattr(sys, name) is above:
                    setattr(sys, name, stream)
                above.finish()
            self._replaced = []
            with contextlib.suppress(OSError):
                self._stdout.flush()

    def refresh(self) -> None:
        """Draw the picture anew, if it differs from what is there."""
        with self.lock:
            if self._live is None:
                return
            screen = self.screen()
            lines = self._draw(screen)
            if self._shown != (screen, lines):
                self._shown = (screen, lines)
                self._live.refresh()

    def print_above(self, text: str) -> None:
        """Print text, which ends with a newline, above the picture."""
        with self.lock:
            self._console.print(_Raw(text), soft_wrap=True, end="")

    def leave(self, lines: Sequence[Line]) -> None:
        """Print lines that stay; the picture is gone by then."""
        with self.lock:
            self._console.print(Drawn(lines), soft_wrap=True, end="")
            self._stdout.write("\n")
            self._stdout.flush()

    def _renderable(self) -> Drawn:
        if self._shown is None:
            screen = self.screen()
            self._shown = (screen, self._draw(screen))
        return Drawn(self._shown[1])

    def _tick(self, stop: threading.Event) -> None:
        while not stop.wait(INTERVAL):
            began = time.monotonic()
            try:
                self.refresh()
            except (OSError, ValueError):
                # The terminal is gone, or its stream closed: nobody is left to look.
                return
            # On a controller that is short of time, the picture is what waits.
            stop.wait(10 * (time.monotonic() - began))
