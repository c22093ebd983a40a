"""The state of an application, which hosts report and the controller reads: one type for both."""

from __future__ import annotations

from typing import Any, TypedDict

#: The files of a slot; a reason of such a kind says that the file differs from the inventory.
SLOT_FILES = ("socket", "service", "settings", "worker", "environment")


class Holder(TypedDict):
    """Who holds the lock of an application.

    Keys:
        rollout: Id of the rollout.
        who: Who runs it, as `user@machine`.
        since: Unix time.
    """

    rollout: str
    who: str
    since: int


class FinishedRollout(TypedDict):
    """The last rollout that succeeded on the whole fleet: its release, and when (Unix time)."""

    release: str
    at: int


class HookRun(TypedDict):
    """A phase's hooks that ran for a release."""

    phase: str
    release: str


class Release(TypedDict):
    """A complete release on a host.

    Keys:
        id: Its folder's name.
        state: `live`, `previous`, `kept`, `refused` or `reverted`.
        built_at: Unix time.
        built_by: The user who built it.
        module: The ASGI callable.
        commit: The commit of its source; empty for none.
        source: Its source, without credentials.
        pinned: Whether it is never removed.
        hashes: `enforced`, `application` (all but the server packages) or `none`.
    """

    id: str
    state: str
    built_at: int
    built_by: str
    module: str
    commit: str
    source: dict[str, Any]
    pinned: bool
    hashes: str


class LiveSlot(TypedDict):
    """The live slot: since when (Unix time), and whether its unit runs and starts at boot."""

    slot: str
    release: str
    since: int
    active: bool
    enabled: bool


class Worker(TypedDict):
    """A worker process.

    Keys:
        pid: Its id.
        memory_mb: Its share of memory.
        healthy: Whether it last reported so; one that is stopped (SIGSTOP) is not.
        stopped: Whether it is stopped.
        problem: Why its report does not count; empty for one that does.
    """

    pid: int
    memory_mb: int
    healthy: bool
    stopped: bool
    problem: str


class HttpsAnswer(TypedDict):
    """nginx's answer: status (0 for none), error, and whether it serves the certificate on disk."""

    status: int
    error: str
    certificate_current: bool | None


class ServerUnit(TypedDict):
    """Whether a server's unit runs, and starts at boot."""

    active: bool
    enabled: bool


class Reason(TypedDict):
    """A reason for a cut-over.

    Keys:
        kind: `first` (no slot is live yet), `release`, one of `SLOT_FILES` (it differs), `restart`
            (asked for) or `stopped` (the live slot does not run).
        text: The same as text, such as `release 1.4.1-2c26b46b -> 1.4.2-9f86d081`.
    """

    kind: str
    text: str


class ApplicationState(TypedDict, total=False):
    """The state of an application on a host: `state` of `asgi.fleet.app_info`, which documents it.

    If it could not be collected, it has only `error` (why) and `unreachable`. The controller adds
    `drift` when the live slot was compared with the inventory.
    """

    application: str
    at: int
    live: LiveSlot | None
    workers_planned: int
    workers: list[Worker]
    memory_mb: int
    cpu_percent: float | None
    health: int
    certificate_days: int | None
    certificate_names: list[str]
    https: HttpsAnswer | None
    nginx: ServerUnit | None
    idle_enabled: list[str]
    maintenance_since: int | None
    lock: Holder | None
    finished: FinishedRollout | None
    capacity: dict[str, Any]
    disks: dict[str, int]
    releases: list[Release]
    drift: list[Reason]
    error: str
    unreachable: bool
