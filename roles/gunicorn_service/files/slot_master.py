"""What Gunicorn's master does for a slot; the hooks of its gunicorn.conf.py call it.

Deployed beside gunicorn.conf.py, as draining_worker.py is. Nothing here imports what the
application brings.
"""

from __future__ import annotations

import contextlib
import functools
import glob
import os
import signal


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
