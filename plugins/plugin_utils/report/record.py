"""What is kept of a rollout: a plain dict, as its JSON file has it. Only types.

Times are Unix seconds. What is not known is None, and is never left out.
"""

from __future__ import annotations

from typing import Literal, TypedDict

#: The version of the record. Another one means that a reader must look again.
SCHEMA = 1

Kind = Literal["release", "rollback", "restart", "scale", "patch"]
#: `refused`: it ended before any host was switched.
Outcome = Literal["succeeded", "reverted", "failed", "refused", "interrupted"]
PhaseName = Literal["build", "hooks", "start", "healthy", "cut over", "soak", "revert", "drain"]


class Count(TypedDict):
    """How many requests there were.

    Attributes:
        failed: Those that were answered with 5xx.
    """

    requests: int
    failed: int


# The functional form, since `from` is a keyword.
Receipt = TypedDict(
    "Receipt",
    {
        "from": float,
        "to": float,
        "requests": int,
        "failed": int,
        "by_release": dict[str, Count],
        "slowest_ms": int | None,
        "p99_ms": int | None,
        "longest_gap_ms": int | None,
        "gap_at": float | None,
        "bin_seconds": int,
        "bins": list[list[int]],
    },
)
Receipt.__doc__ = """What the access log of nginx says of the time from `from` to `to`.

Of one host, or the sum of several.

Attributes:
    requests: Those that went to the application.
    failed: Those of them that were answered with 5xx.
    by_release: Release to its share of them.
    longest_gap_ms: The longest time between two answers.
    gap_at: When that gap began.
    bins: For the chart: the second at which a bin of `bin_seconds` begins, requests, failed.
"""

Phase = TypedDict("Phase", {"name": PhaseName, "from": float, "to": float})
Phase.__doc__ = "What a host did, and when."


class BackupTold(TypedDict):
    """The backup before a migration.

    Attributes:
        host: Where it is; empty if there is none.
        made: Whether it was made for this rollout; otherwise it was fresh enough.
        failed: Whether there was to be one, and it could not be made or not be read.
        age: How old it was when the migration began, in seconds; None if there is none.
        size: Bytes in its folder; None if it is not known.
        folder: Where it is; an empty text if it is elsewhere.
        skipped_by: Who migrated without a fresh one; an empty text for nobody.
    """

    host: str
    made: bool
    failed: bool
    age: int | None
    size: int | None
    folder: str
    skipped_by: str


class Application(TypedDict):
    """An application in a rollout.

    Attributes:
        release: What was to be released.
        before: The releases that were live when it began: one, unless the hosts differed.
        commit: The whole hash, or an empty text.
        subject: The first line of the commit's message, or an empty text.
        url: Where the source is from, or an empty text.
        waves: The hosts of each wave.
        reason: Why it did not succeed; several lines.
        backup: The one before its migration; None if there was none to be.
    """

    domain: str
    release: str
    before: list[str]
    commit: str
    subject: str
    url: str
    waves: list[list[str]]
    outcome: Outcome
    reason: str
    backup: BackupTold | None


class Host(TypedDict):
    """A host in a rollout.

    Attributes:
        app: The name of its application.
        wave: The number of its wave, from 1.
        state: Its state at the end: live, reverted, refused, unreachable, not begun, NOT REVERTED,
            unchanged and others, as the operator's table has it.
        before: The release that was live when the rollout began.
        after: The release that is live since it ended.
        workers_reason: How the number of workers came about.
        receipt: None if nothing is known of what it served.
    """

    app: str
    wave: int | None
    state: str
    before: str | None
    after: str | None
    phases: list[Phase]
    workers: int | None
    workers_reason: str | None
    notes: list[str]
    receipt: Receipt | None


class Record(TypedDict):
    """A rollout.

    Attributes:
        id: The rollout's, as the locks and the history of the hosts have it.
        who: Who began it, as `user@machine`.
        inventory: The name of the inventory.
        reason: Why it did not succeed, with the lines of the journal; several lines.
        next: The commands to run next, if any.
        apps: Application to what was done.
        hosts: Host to what was done, in the order of the rollout.
        receipt: The sum of those of the hosts; None if nothing is known of any.
        lines: The table at the end, as the operator saw it.
    """

    schema: int
    id: str
    kind: Kind
    who: str
    inventory: str
    began_at: float
    ended_at: float | None
    outcome: Outcome
    reason: str
    next: list[str]
    apps: dict[str, Application]
    hosts: dict[str, Host]
    receipt: Receipt | None
    lines: list[str]
