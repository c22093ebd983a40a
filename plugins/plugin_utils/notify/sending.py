"""Telling all targets at once, within a bounded time, whatever they do."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ansible_collections.asgi.fleet.plugins.plugin_utils.notify.events import Event
from ansible_collections.asgi.fleet.plugins.plugin_utils.notify.targets import Target


class NotTold(Exception):  # noqa: N818 (what happened, not an error of this run)
    """A target was not told; the message is the reason, and repeats no secret."""


Send = Callable[[Target, Event], None]
"""Tells a target of an event within its time-out, or raises `NotTold`."""


@dataclass
class _Attempt:
    target: Target
    event: Event
    done: threading.Event = field(default_factory=threading.Event)
    reason: str = ""

    def make(self, send: Send) -> None:
        try:
            send(self.target, self.event)
        except NotTold as refused:
            self.reason = str(refused)
        # No target may fail a rollout.
        except Exception as error:
            # Not its message, which may have what was to be sent.
            self.reason = f"an unexpected {type(error).__name__}"
        self.done.set()


def tell(told: Sequence[tuple[Target, Event]], send: Send) -> list[str]:
    """Tell targets of events, all at once, and return a line for each that was not told.

    No call of an operating system bounds everything that a target can do: a name that does not
    resolve, a header that comes a byte at a time. So each attempt is a thread, which is left
    behind when its time is over; it ends with this process.

    Args:
        told: Who is told of what.
        send: Tells one.

    Returns:
        Lines such as `not told: ops-slack: no answer in 5 s`, in the order of the targets.
    """
    attempts = [_Attempt(target, event) for target, event in told]
    began = time.monotonic()
    for attempt in attempts:
        thread = threading.Thread(target=attempt.make, args=[send], daemon=True)
        try:
            thread.start()
        except RuntimeError:
            # While the interpreter ends, Python 3.12 starts no thread.
            attempt.make(send)
    lines = []
    for attempt in attempts:
        seconds = attempt.target["timeout_seconds"]
        if not attempt.done.wait(max(0.0, began + seconds - time.monotonic())):
            attempt.reason = too_late(seconds)
        if attempt.reason:
            lines.append(f"not told: {attempt.target['name']}: {attempt.reason}")
    return lines


def too_late(seconds: float) -> str:
    """Return the reason of a target that was too slow."""
    return f"no answer in {seconds} s"
