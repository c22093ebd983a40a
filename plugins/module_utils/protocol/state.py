"""The state of an application, which hosts report and the controller reads: one type for both."""

from __future__ import annotations

from typing import Any, TypedDict

from ansible_collections.asgi.fleet.plugins.module_utils.protocol.backup import BackupState

#: The files of a slot; a reason of such a kind says that the file differs from the inventory.
SLOT_FILES = (
    *("socket", "service", "settings", "worker", "master", "counts", "logs", "environment"),
    "timers",
)
#: All of a slot that may differ from the inventory.
SLOT_PARTS = (*SLOT_FILES, "processes")


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
        subject: The first line of the commit's message.
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
    subject: str
    source: dict[str, Any]
    pinned: bool
    hashes: str


class LiveSlot(TypedDict):
    """The live slot: since when (Unix time), and whether its unit runs and starts at boot.

    `starting` says whether systemd is about to start it.
    """

    slot: str
    release: str
    since: int
    active: bool
    starting: bool
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


class SlotMemory(TypedDict):
    """What the live slot holds in MiB, shared pages divided among its processes.

    Keys:
        workers: How many workers run.
        largest_mb: What the largest of them holds.
        slot_mb: What they and their master hold.
    """

    workers: int
    largest_mb: int
    slot_mb: int


class ProcessState(TypedDict):
    """A process that runs besides the web workers.

    Keys:
        unit: Its unit.
        process: Its name in the inventory.
        state: Of its unit, such as `active` or `failed`.
        pid: Of its main process; 0 for none.
        memory_mb: The share of memory of that.
        restarts: How often systemd has started it anew since the slot is live.
    """

    unit: str
    process: str
    state: str
    pid: int
    memory_mb: int
    restarts: int


class SingletonState(TypedDict):
    """The processes that run once in a fleet.

    Keys:
        here: Whether this host is the one.
        processes: Their names in the inventory, as the live slot has them.
    """

    here: bool
    processes: list[str]


class HttpsAnswer(TypedDict):
    """What a request over HTTPS got.

    Keys:
        status: 0 for none.
        error: Why there was none.
        late: Whether a TLS connection was made and the answer did not end in time: what answers
            there is up, and waits for the application.
        certificate_current: Whether the certificate on disk is served; None if not known.
        refused: Why a visitor's browser would refuse the certificate; empty if it would not.
    """

    status: int
    error: str
    late: bool
    certificate_current: bool | None
    refused: str


class ServerUnit(TypedDict):
    """Whether a server's unit runs, is about to (a job of systemd waits), and starts at boot."""

    active: bool
    starting: bool
    enabled: bool


class Front(TypedDict):
    """What a visitor meets on a host before the application.

    Keys:
        nginx: Whether it runs.
        https: Its answer for the health path; None if it was not asked.
        maintenance_since: Since when maintenance mode is on (Unix time); None if it is off.
    """

    nginx: ServerUnit
    https: HttpsAnswer | None
    maintenance_since: int | None


class BalancedServer(TypedDict):
    """A server as its balancer sees it.

    Keys:
        serves: Whether it gets new requests.
        drained: Whether an operator has drained it.
        check: What the last check of its health said, in HAProxy's words.
    """

    serves: bool
    drained: bool
    check: str


class Update(TypedDict):
    """A security update that a host has not installed.

    Keys:
        package: Its name.
        installed: The installed version.
        version: The newest version of a security archive.
        held: Whether an operator holds the package back (`apt-mark hold`).
    """

    package: str
    installed: str
    version: str
    held: bool


class Updates(TypedDict):
    """What waits to be installed, of the packages that carry requests.

    Keys:
        waiting: The security updates.
        lists_at: When the host last fetched its package lists (Unix time); 0 if not known.
        reboot_required: Whether an installed update waits for a reboot.
        reboot_packages: The packages that ask for it, as far as they are known.
        error: Why the packages could not be found out; empty if they were.
    """

    waiting: list[Update]
    lists_at: int
    reboot_required: bool
    reboot_packages: list[str]
    error: str


class MemoryKills(TypedDict):
    """Processes of a unit that the kernel killed for lack of memory.

    Keys:
        total: All that are known of.
        recent: Those of the last day.
    """

    total: int
    recent: int


class Upkeep(TypedDict, total=False):
    """What a host needs.

    Keys:
        updates: What waits to be installed.
        memory_kills: Units whose processes were killed for lack of memory.
        outdated: Units that run on replaced files, with the names of these files.
    """

    updates: Updates
    memory_kills: dict[str, MemoryKills]
    outdated: dict[str, list[str]]


class Renewal(TypedDict):
    """What the last renewal on a machine came to.

    Keys:
        mode: Where the certificate comes from.
        checked: When it was last looked at, in Unix time.
        renewed: When it was last renewed; 0 for never.
        failures: How many renewals in a row have failed.
        reason: Why the last one did; empty if it did not.
        next: When it will be tried again.
    """

    mode: str
    checked: int
    renewed: int
    failures: int
    reason: str
    next: int


class CertificateState(TypedDict):
    """A certificate on a machine.

    Keys:
        names: What it is for.
        begins: When it becomes valid, in Unix time.
        ends: When it expires.
        renewal: None where the machine does not renew it itself.
    """

    names: list[str]
    begins: int
    ends: int
    renewal: Renewal | None


class HostState(Upkeep, total=False):
    """A host, whatever it serves: `state` of `asgi.fleet.host_info`, which documents it.

    If it could not be collected, it has only `error` (why) and `unreachable`. Only a balancer has
    `servers`, by `site/host`, and, by site, `answers` and `certificates`: see
    `asgi.fleet.balancer_info`.
    """

    at: int
    units: dict[str, ServerUnit]
    disks: dict[str, int]
    servers: dict[str, BalancedServer]
    answers: dict[str, HttpsAnswer]
    certificates: dict[str, CertificateState | None]
    error: str
    unreachable: bool


class Refused(TypedDict):
    """What the sandbox refused to a service that runs: what was seen, and what allows it."""

    seen: str
    todo: str


class Recycle(TypedDict):
    """What recycling on the host came to, of the live release.

    Keys:
        at: When the last recycle ended (Unix time); 0 for none yet.
        why: Why it was due.
        failures: How many have failed in a row.
        reason: Why the last one did, in one line; empty if it did not.
        next: Before when none is tried again (Unix time).
        waiting: What one that is due waits for; empty for nothing.
    """

    at: int
    why: str
    failures: int
    reason: str
    next: int
    waiting: str


class TimerState(TypedDict):
    """A timer on a host.

    Keys:
        name: As in `app_timers`.
        schedule: When it elapses.
        once_per_fleet: Whether only one host of the fleet has it elapse.
        due: Whether it shall elapse on this host.
        active: Whether it does.
        running: Whether a run goes on.
        next: When it will elapse (Unix time); 0 if that is not known.
        last: When it has last elapsed; 0 for not since the host has started.
        overdue: Since when a run is due that has not begun; 0 for none.
        spent: Whether it elapses never again.
        problem: How its last run failed; empty if it did not.
    """

    name: str
    schedule: str
    once_per_fleet: bool
    due: bool
    active: bool
    running: bool
    next: int
    last: int
    overdue: int
    spent: bool
    problem: str


class Reason(TypedDict):
    """A reason for a cut-over.

    Keys:
        kind: `first` (no slot is live yet), `release`, one of `SLOT_PARTS` (it differs), `restart`
            (asked for) or `stopped` (the live slot does not run).
        text: The same as text, such as `release 1.4.1-2c26b46b -> 1.4.2-9f86d081`.
    """

    kind: str
    text: str


class ApplicationState(Upkeep, total=False):
    """The state of an application on a host: `state` of `asgi.fleet.app_info`, which documents it.

    If it could not be collected, it has only `error` (why) and `unreachable`. The controller adds
    `drift` when the live slot was compared with the inventory. What `Upkeep` has is
    there only if it was asked for.
    """

    application: str
    at: int
    live: LiveSlot | None
    workers_planned: int
    workers: list[Worker]
    processes: list[ProcessState]
    singletons: SingletonState
    memory_mb: int
    cpu_percent: float | None
    health: int
    certificate: CertificateState | None
    https: HttpsAnswer | None
    nginx: ServerUnit | None
    idle_enabled: list[str]
    maintenance_since: int | None
    lock: Holder | None
    finished: FinishedRollout | None
    capacity: dict[str, Any]
    disks: dict[str, int]
    releases: list[Release]
    refused: list[Refused]
    backups: BackupState
    recycle: Recycle | None
    timers: list[TimerState]
    silent_metrics: list[dict[str, str]]
    drift: list[Reason]
    error: str
    unreachable: bool
