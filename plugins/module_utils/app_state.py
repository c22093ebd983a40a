"""How an application stands on this host. Reads, and never changes anything."""

from __future__ import annotations

import http.client
import os
import re
import ssl
import subprocess
import time
from typing import Any

from ansible_collections.asgi.fleet.plugins.module_utils.health import (
    children,
    get,
    read_process,
    worker_reports,
)
from ansible_collections.asgi.fleet.plugins.module_utils.retention import (
    activations,
    live_release,
    manifests,
    previous_release,
)
from ansible_collections.asgi.fleet.plugins.module_utils.slots import Application, Slot, read
from ansible_collections.asgi.fleet.plugins.module_utils.systemd import is_enabled, show

SECONDS_PER_DAY = 86400


def look(
    application: Application, health_path: str, health_host: str, certificate: str
) -> dict[str, Any]:
    """Return the application's state; see the module `asgi.fleet.app_info` for its shape."""
    state: dict[str, Any] = {
        "live": None,
        "workers_planned": 0,
        "workers": [],
        "memory_mb": 0,
        "health": 0,
        "certificate_days": certificate_days(certificate),
        "releases": releases(application),
    }
    name = application.live_slot()
    if name is None:
        return state
    slot = application.slot(name)
    unit = show(slot.units[1])
    state["live"] = {
        "slot": name,
        "release": live_release(application),
        "since": _live_since(application),
        "active": unit["ActiveState"] == "active",
        "enabled": all(is_enabled(u) for u in slot.units),
    }
    state["workers_planned"] = planned_workers(slot)
    master = int(unit["MainPID"] or 0)
    if master:
        reports = worker_reports(slot, master)
        state["workers"] = [
            {
                "pid": pid,
                "memory_mb": memory_mb(pid),
                "healthy": reports.get(pid, {}).get("status") == 200,
            }
            for pid in children(master)
        ]
        state["memory_mb"] = memory_mb(master) + sum(w["memory_mb"] for w in state["workers"])
    try:
        state["health"] = get(slot.socket, health_path, health_host)[0]
    except (OSError, http.client.HTTPException):
        # Nobody answers: 0 says so.
        state["health"] = 0
    return state


def planned_workers(slot: Slot) -> int:
    """Return the number of workers that the slot's Gunicorn was told to run."""
    found = re.search(r"^workers = (\d+)$", read(slot.files["settings"]), re.MULTILINE)
    return int(found.group(1)) if found else 0


def memory_mb(pid: int) -> int:
    """Return a process's share of memory in MiB: pages that several share are divided by them.

    From proc_pid_smaps(5), Pss; the sum over a service's processes is what it really takes.
    """
    found = re.search(r"^Pss:\s+(\d+) kB", read_process(f"/proc/{pid}/smaps_rollup"), re.MULTILINE)
    return round(int(found.group(1)) / 1024) if found else 0


def certificate_days(path: str, now: float | None = None) -> int | None:
    """Return the whole days until the certificate expires, negative if it has; None without one."""
    if not path or not os.path.exists(path):
        return None
    result = subprocess.run(
        ["openssl", "x509", "-noout", "-enddate", "-in", path],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "LC_ALL": "C"},
    )
    _, _, text = result.stdout.strip().partition("=")
    try:
        # Not strptime: AnsibleModule sets the host's locale, whose months may have other names.
        end = ssl.cert_time_to_seconds(text)
    except ValueError:
        return None
    return int((end - (time.time() if now is None else now)) // SECONDS_PER_DAY)


def releases(application: Application) -> list[dict[str, Any]]:
    """Return the complete releases, newest first, each with what became of it."""
    built = manifests(application)
    history = activations(application)
    live = live_release(application)
    previous = previous_release(history, live, set(built))
    last = {line["release"]: line["event"] for line in history}
    shown = []
    for name in sorted(built, key=lambda n: built[n].get("built_at", 0), reverse=True):
        state = {live: "live", previous: "previous"}.get(name)
        shown.append(
            {
                "id": name,
                "state": state or ("refused" if last.get(name) == "refused" else "kept"),
                "built_at": built[name].get("built_at", 0),
                "built_by": built[name].get("built_by", ""),
                "module": built[name].get("module", ""),
                "commit": built[name].get("commit", ""),
                "source": built[name].get("source", {}),
                "pinned": bool(built[name].get("pinned")),
            }
        )
    return shown


def _live_since(application: Application) -> int:
    since = 0
    for line in activations(application):
        if line["event"] == "live":
            since = int(line["at"])
    return since
