"""What Gunicorn's master does for a slot; the hooks of its gunicorn.conf.py call it.

Deployed beside gunicorn.conf.py, as draining_worker.py is. Nothing here imports what the
application brings, except that `import_before_fork` has Gunicorn do so when that was asked for.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import glob
import json
import os
import signal
import socket
import stat
import sys
import threading
from collections.abc import Mapping
from types import FrameType
from typing import Any, NamedTuple


def forget_worker(runtime_directory: str, pid: int) -> None:
    """Remove a dead worker's report; for Gunicorn's `child_exit` hook.

    Args:
        runtime_directory: systemd's RuntimeDirectory of the slot.
        pid: The worker.
    """
    with contextlib.suppress(OSError):
        os.unlink(os.path.join(runtime_directory, f"worker-{pid}.json"))
    # Its gauges of what lives, as prometheus_client.multiprocess.mark_process_dead(), without
    # importing what the application brings into the master.
    for folder in metrics_folders():
        for path in glob.glob(os.path.join(glob.escape(folder), f"gauge_live*_{pid}.db")):
            with contextlib.suppress(OSError):
                os.unlink(path)


def metrics_folders() -> list[str]:
    """Return where the workers share their metrics: the slot's own folders, also by an old name."""
    names = ("PROMETHEUS_MULTIPROC_DIR", "prometheus_multiproc_dir")
    return [folder for name in names if (folder := os.environ.get(name))]


@functools.cache
def clear_metrics() -> None:
    """Make the folders of metrics, empty; before the application is imported.

    Only once in a process: Gunicorn reads its settings again on SIGHUP, when workers write there.
    """
    for folder in metrics_folders():
        os.makedirs(folder, exist_ok=True)
        for path in glob.glob(os.path.join(glob.escape(folder), "*.db")):
            # A worker of a killed master may do the same.
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)


def end_the_rest(proc: str = "/proc") -> None:
    """Kill what the application has left behind; for `on_exit`, when the workers have ended.

    A child in a session of its own gets no signal when its worker ends. Not called when the master
    itself is killed, whose workers go on. The kernel lists a unit's processes by their cgroup.
    """
    own = _read(f"{proc}/self/cgroup")
    # Outside of the slot's unit, as in a terminal, the group has processes of others.
    unit = f"/{os.environ.get('FLEET_APP')}@{os.environ.get('FLEET_SLOT')}.service\n"
    if unit not in own:
        return
    for entry in os.listdir(proc):
        is_other = entry.isdigit() and int(entry) != os.getpid()
        if is_other and _read(f"{proc}/{entry}/cgroup") == own:
            with contextlib.suppress(OSError):
                os.kill(int(entry), signal.SIGKILL)


def _read(path: str) -> str:
    """Return a file's text; empty if it cannot be read, such as that of a process that ended."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


# Importing the application in the master, before the workers are forked (`preload_app`).

#: Gunicorn's exit status for a worker that cannot start; a master gives the same here.
BOOT_ERROR = 3
#: What a line for the operator begins with.
MARK = "asgi.fleet: "
#: The clients and pools whose connections are most often made at import.
CLIENTS = frozenset(
    (
        *("aiohttp.client.ClientSession", "asyncpg.pool.Pool", "elasticsearch.Elasticsearch"),
        *("httpx.Client", "httpx.AsyncClient", "httpx._client.Client", "httpx._client.AsyncClient"),
        *("psycopg.Connection", "psycopg2.extensions.connection", "psycopg_pool.ConnectionPool"),
        *("psycopg_pool.pool.ConnectionPool", "psycopg_pool.pool_async.AsyncConnectionPool"),
        *("pymongo.mongo_client.MongoClient", "pymongo.synchronous.mongo_client.MongoClient"),
        *("redis.connection.ConnectionPool", "redis.asyncio.connection.ConnectionPool"),
        *("requests.sessions.Session", "sqlalchemy.engine.base.Engine"),
        *("sqlalchemy.ext.asyncio.engine.AsyncEngine", "urllib3.poolmanager.PoolManager"),
    )
)
#: gRPC's threads are not Python's, and it does not work after a fork (grpc, doc/fork_support.md).
CHANNELS = frozenset(("grpc._channel.Channel", "grpc.aio._channel.Channel"))
#: What an SQLite file begins with (sqlite.org, fileformat2.html).
SQLITE = b"SQLite format 3\0"
ADVICE = (
    "a worker is a copy of the master: threads are not copied, and all workers would read from one "
    "connection; make it in the application's lifespan"
)


class Found(NamedTuple):
    """What the import has left behind: what breaks after a fork, and what may."""

    broken: list[str]
    doubtful: list[str]


def import_before_fork(variable: str, runtime_directory: str) -> None:
    """Have Gunicorn's master import the application such that it can be forked, or end.

    Args:
        variable: What asked for it, such as `app_preload`, for messages.
        runtime_directory: systemd's RuntimeDirectory of the slot, for what is doubtful.
    """
    from gunicorn.app.wsgiapp import WSGIApplication

    load = WSGIApplication.load

    def load_and_look(self: Any) -> Any:  # noqa: ANN401 - Gunicorn has no types
        before = _descriptors()
        # What is garbage now would leave holes in pages that are shared (gc.freeze in Python's
        # documentation).
        gc.disable()
        try:
            application = load(self)
        except Exception:
            # Gunicorn shows a RuntimeError without its traceback. The hook writes JSON if that is
            # wanted.
            sys.excepthook(*sys.exc_info())
            sys.exit(BOOT_ERROR)
        found = left_behind(before)
        # Else a worker's first full collection writes to each object, and copies its page.
        gc.freeze()
        gc.enable()
        _tell(found, variable, runtime_directory)
        return application

    WSGIApplication.load = load_and_look


def _tell(found: Found, variable: str, runtime_directory: str) -> None:
    """Write down what is doubtful, and end with the reason if anything breaks."""
    with contextlib.suppress(OSError):
        path = os.path.join(runtime_directory, "preload.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"doubtful": found.doubtful}, file)
    for one in found.doubtful:
        sys.stderr.write(f"{MARK}{variable} is true, and the import leaves {one}\n")
    for one in found.broken:
        sys.stderr.write(f"{MARK}{variable} is true, and the import leaves {one}\n")
    if found.broken:
        sys.stderr.write(f"{MARK}{ADVICE}, or set {variable}: false\n")
        sys.stderr.flush()
        # Threads that the application has started would keep this from its end.
        os._exit(BOOT_ERROR)


def left_behind(before: Mapping[int, str]) -> Found:
    """Return what the import has left behind, each with its name.

    Args:
        before: The descriptors that were open before, each with what it refers to.
    """
    objects = [(_name(type(one)), one) for one in gc.get_objects()]
    clients = sorted({name for name, _one in objects if name in CLIENTS})
    channels = sorted({name for name, _one in objects if name in CHANNELS})
    connections = _connections(before)
    owners = f", perhaps of {' or '.join(clients)}" if clients else ""
    sqlite = getattr(sys.modules.get("sqlite3"), "Connection", None)
    # By their types, as for loops. A program may have a class of its own.
    databases = [one for _kind, one in objects if sqlite in type(one).__mro__]
    paths = sorted({*_databases(databases), *_database_files(before)})
    return Found(
        [
            *_threads(),
            *(f"a connection to {peer}{owners}" for peer in connections),
            *(f"{name}, a channel of gRPC" for name in channels),
            *(f"a connection to the SQLite database {path}" for path in paths),
        ],
        [*_foreign_threads(), *_loops([one for _kind, one in objects])],
    )


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _threads() -> list[str]:
    frames = sys._current_frames()
    return [
        f"the running thread {thread.name}{_place(frames.get(thread.ident or 0))}"
        for thread in threading.enumerate()
        if thread is not threading.current_thread()
    ]


def _place(frame: FrameType | None) -> str:
    """Return what a thread runs: the outermost function that is not of `threading`."""
    places = []
    while frame is not None:
        places.append(f"{frame.f_globals.get('__name__', '?')}.{frame.f_code.co_name}")
        frame = frame.f_back
    own = [place for place in reversed(places) if not place.startswith("threading.")]
    return f" ({own[0]})" if own else ""


def _foreign_threads() -> list[str]:
    """Return the threads that Python does not know of, such as those of a library in C."""
    known = {thread.native_id for thread in threading.enumerate()}
    names = []
    with contextlib.suppress(OSError):
        for task in os.listdir("/proc/self/task"):
            if int(task) not in known:
                names.append(_read(f"/proc/self/task/{task}/comm").strip())
    if not names:
        return []
    some = ", ".join(sorted(set(names))[:3])
    return [f"{len(names)} threads of a library ({some}), which the workers will not have"]


def _loops(objects: list[object]) -> list[str]:
    """Return the event loops that are open: what is bound to one never runs in a worker."""
    loop = getattr(sys.modules.get("asyncio"), "AbstractEventLoop", None)
    # By their types: asking an object for its class may run code of the application.
    found = [one for one in objects if loop in type(one).__mro__]
    return [
        f"an event loop ({_name(type(one))}), and a worker has one of its own"
        for one in found
        if not one.is_closed()  # type: ignore[attr-defined]
    ]


def _databases(connections: list[Any]) -> list[str]:
    """Return the files of open SQLite databases, which a copy of their process may destroy."""
    paths = []
    for connection in connections:
        with contextlib.suppress(Exception):
            rows = connection.execute("PRAGMA database_list").fetchall()
            paths += [os.path.realpath(str(row[2])) for row in rows if row[2]]
    return paths


def _database_files(before: Mapping[int, str]) -> list[str]:
    """Return the SQLite files that were opened since: a connection answers its own thread alone."""
    paths = []
    for descriptor, target in _descriptors().items():
        if before.get(descriptor) == target:
            continue
        with contextlib.suppress(OSError):
            # Not opened once more: closing it would end the locks that SQLite has on it.
            is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
            if is_file and os.pread(descriptor, len(SQLITE), 0) == SQLITE:
                paths.append(target)
    return paths


def _descriptors() -> dict[int, str]:
    """Return this process's descriptors, each with what it refers to."""
    found = {}
    for entry in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            found[int(entry)] = os.readlink(f"/proc/self/fd/{entry}")
    return found


def _connections(before: Mapping[int, str]) -> list[str]:
    """Return the peers of the streams that were connected since."""
    peers = []
    for descriptor, target in _descriptors().items():
        if not target.startswith("socket:") or before.get(descriptor) == target:
            continue
        # Sharing datagrams, such as those to syslog, does no harm; a pair has no name.
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as copy:
            if copy.type == socket.SOCK_STREAM and (peer := copy.getpeername()):
                peers.append(f"{peer[0]}:{peer[1]}" if isinstance(peer, tuple) else str(peer))
    return sorted(peers)
