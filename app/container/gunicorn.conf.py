"""Gunicorn's settings in the container: those of a slot on a host, without systemd and nginx.

On a host: roles/gunicorn_service/templates/gunicorn.conf.py.j2. Here nobody else holds the socket,
and there is no other slot: what starts the next container keeps this one out of new traffic first.
"""

import os
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from ansible_collections.asgi.fleet.plugins.module_utils.host.capacity import read_own_capacity
from ansible_collections.asgi.fleet.plugins.plugin_utils.sizing.timeouts import service_timeouts
from ansible_collections.asgi.fleet.plugins.plugin_utils.sizing.workers import plan_workers
from draining_worker import DrainingWorker, Slot
from gunicorn.arbiter import Arbiter
from gunicorn.workers.base import Worker
from slot_master import forget_worker

#: Memory for what is not a worker, in MB: Gunicorn's master and the files of the application. On a
#: host the reserve is larger, since apt, sshd and nginx live there as well.
RESERVE_MB = 64
#: Seconds: what idle connections and the longest request may take once the container is stopped.
LINGER_SECONDS = 3
REQUEST_SECONDS = 30

# A container is reached through its published ports alone.
bind = "0.0.0.0:8000"

# The container's own limits: `nproc` and `os.cpu_count()` say what the machine has.
capacity = read_own_capacity(slice_name="")
try:
    plan = plan_workers(
        capacity.cores,
        capacity.memory_bytes,
        workers=os.environ.get("WEB_CONCURRENCY") or "auto",
        worker_memory_mb=os.environ.get("WORKER_MEMORY_MB") or 128,
        reserve_mb=RESERVE_MB,
        slots=1,
        prefix="",
    )
except ValueError as error:
    sys.exit(f"WEB_CONCURRENCY, WORKER_MEMORY_MB: {error}")
workers = plan.workers

slot = Slot(
    socket=bind,
    # No link: this slot is always live.
    live_link="",
    # In memory, and writable in a container whose file system is not.
    runtime_directory=f"/dev/shm/gunicorn-{os.getpid()}",  # noqa: S108 - of this container alone
    health_path="/healthz",
    health_host="localhost",
    linger=LINGER_SECONDS,
    drain=0,
    request_timeout=REQUEST_SECONDS,
)
Path(slot.runtime_directory).mkdir(mode=0o700, exist_ok=True)
worker_class = DrainingWorker
DrainingWorker.slot = slot
DrainingWorker.CONFIG_KWARGS = {"loop": "auto", "http": "auto"}
worker_tmp_dir = slot.runtime_directory

timeout = 60
graceful_timeout = service_timeouts(
    LINGER_SECONDS, 0, REQUEST_SECONDS, proxy_keepalive=2, proxy_read=REQUEST_SECONDS
)["graceful"]
# Above the usual 60 s of a proxy in front: it must close idle connections first.
keepalive = 75
# Who may say X-Forwarded-*: Gunicorn's own variable FORWARDED_ALLOW_IPS; nobody by default.
control_socket_disable = True
errorlog = "-"
accesslog = None


def on_starting(server: Arbiter) -> None:
    """Gunicorn's hook: say how many workers there are, and why."""
    server.log.info("%s (%s, %s)", plan.reason, capacity.cores_source, capacity.memory_source)


def child_exit(_server: Arbiter, worker: Worker) -> None:
    """Gunicorn's hook, in the master: the worker's report must not outlive it."""
    forget_worker(slot.runtime_directory, worker.pid)


def on_exit(_server: Arbiter) -> None:
    """Gunicorn's hook, in the master, when its workers have ended."""
    shutil.rmtree(slot.runtime_directory, ignore_errors=True)
