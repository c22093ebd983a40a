"""What is known of an application's backups: the file of a host, which the controller reads too."""

from __future__ import annotations

from typing import TypedDict


class Backup(TypedDict):
    """One attempt to make a backup.

    Keys:
        began: Unix time: nothing that was written later is in it.
        ended: Unix time, after its check.
        by: Who made it: `the timer`, a rollout with its operator, or an operator.
        release: Id of the release whose code made it.
        good: Whether it was made and could be read.
        problem: Why it is none, for people; empty for a good one.
        status: Exit status of the command.
        check: Exit status of the check; None if it did not come to that.
        lines: The end of what the last of the two printed, without secrets.
        size: Bytes of what it has put into its folder.
        folder: That folder; empty if nothing is left in it.
    """

    began: int
    ended: int
    by: str
    release: str
    good: bool
    problem: str
    status: int
    check: int | None
    lines: list[str]
    size: int
    folder: str


class Backups(TypedDict):
    """The file `/var/lib/<app>/backup.json`.

    Keys:
        schema: The version of this file.
        last_good: When the last good one began (Unix time); None before the first. For others that
            watch: no reader need know more.
        good: The last good one; None before the first.
        last: The last attempt, whatever came of it; None before the first.
    """

    schema: int
    last_good: int | None
    good: Backup | None
    last: Backup | None


class BackupState(Backups):
    """That file, and how the host stands.

    Keys:
        at: When that was, by the host's clock (Unix time).
        running: Whether the timer's backup is being made just now.
        timer: Whether a timer makes them here, now and after a boot.
        units: Whether that timer is here at all; it elapses on one host of the fleet.
    """

    at: int
    running: bool
    timer: bool
    units: bool


def age(last_good: float | None, now: float) -> float | None:
    """Return how old the last good backup is, in seconds; None if there is none.

    One from the future is none: a clock was wrong, and nobody knows how old it is.

    Args:
        last_good: As a host remembers it.
        now: Unix time, by the same clock.
    """
    return None if last_good is None or last_good > now + 1 else max(0.0, now - last_good)


def is_fresh(last_good: float | None, now: float, max_age: float) -> bool:
    """Return whether the last good backup is no older than `max_age`, in seconds."""
    found = age(last_good, now)
    return found is not None and found <= max_age
