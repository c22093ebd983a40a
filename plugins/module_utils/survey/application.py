"""The state of an application on this host. Only reads."""

from __future__ import annotations

import os
import time
from dataclasses import asdict, dataclass

from ansible_collections.asgi.fleet.plugins.module_utils.application import history, lock
from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import (
    Application,
    Slot,
    other,
)
from ansible_collections.asgi.fleet.plugins.module_utils.application.processes import (
    existing,
    name_of,
    planned,
    runs_singletons,
    wanted,
)
from ansible_collections.asgi.fleet.plugins.module_utils.backups import record as backup_record
from ansible_collections.asgi.fleet.plugins.module_utils.host.capacity import read_own_capacity
from ansible_collections.asgi.fleet.plugins.module_utils.host.exchange import Unanswered, get_unix
from ansible_collections.asgi.fleet.plugins.module_utils.host.systemd import (
    awaits_restart,
    enabled,
    is_starting,
    show,
    show_all,
)
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.front import Fault, front_fault
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.state import (
    ApplicationState,
    ProcessState,
    Recycle,
    Worker,
)
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.text import printable
from ansible_collections.asgi.fleet.plugins.module_utils.releases.retention import (
    live_release,
    releases,
)
from ansible_collections.asgi.fleet.plugins.module_utils.slots.health import (
    Report,
    worker_reports,
    workers_of,
)
from ansible_collections.asgi.fleet.plugins.module_utils.slots.recycling import current
from ansible_collections.asgi.fleet.plugins.module_utils.slots.refused import (
    live_since,
    refused,
)
from ansible_collections.asgi.fleet.plugins.module_utils.survey.certificate import (
    certificate_state,
)
from ansible_collections.asgi.fleet.plugins.module_utils.survey.front import NGINX
from ansible_collections.asgi.fleet.plugins.module_utils.survey.host import (
    CpuSample,
    ask_https,
    disks,
    existing_units,
    maintenance_since,
    process_state,
)
from ansible_collections.asgi.fleet.plugins.module_utils.survey.metrics import silent_metrics
from ansible_collections.asgi.fleet.plugins.module_utils.survey.slot_memory import memory_mb
from ansible_collections.asgi.fleet.plugins.module_utils.survey.timers import timer_states
from ansible_collections.asgi.fleet.plugins.module_utils.survey.upkeep import (
    DISKS,
    server_unit,
    upkeep,
)

#: Seconds between two checks of an application that is not healthy yet.
POLL_SECONDS = 1
#: A stopped, traced or dead process does not serve, whatever it last reported (proc_pid_stat).
NOT_SERVING = "TtZX"


@dataclass(frozen=True)
class Questions:
    """What to request from the application and from nginx.

    Attributes:
        health_path: Path that answers 200 when the application can serve.
        health_host: The Host header of health requests.
        certificate: Path of the certificate; empty for none.
        https_port: Port of nginx on this host; 0 asks only the application.
        https_path: The health path as clients of nginx request it.
        upkeep: Whether to find out as well what the host itself needs.
    """

    health_path: str = "/healthz"
    health_host: str = "localhost"
    certificate: str = ""
    https_port: int = 0
    https_path: str = "/healthz"
    upkeep: bool = False


def look(application: Application, ask: Questions) -> ApplicationState:
    """Return the application's state; see the module `asgi.fleet.app_info` for its shape."""
    holder = lock.holder(application)
    state: ApplicationState = {
        "application": application.name,
        "at": int(time.time()),
        "live": None,
        "workers_planned": 0,
        "workers": [],
        "processes": [],
        "singletons": {"here": runs_singletons(application), "processes": []},
        "memory_mb": 0,
        "cpu_percent": None,
        "health": 0,
        "certificate": certificate_state(ask.certificate),
        "https": None,
        "nginx": None,
        "idle_enabled": [],
        "maintenance_since": maintenance_since(application),
        "lock": holder,
        "finished": history.finished(application),
        "capacity": asdict(read_own_capacity()),
        "disks": disks(DISKS),
        "releases": releases(application),
        "refused": refused(application),
        "backups": backup_record.look(application),
        "recycle": recycle_state(application),
        "timers": timer_states(application, application.live_slot()),
    }
    name = application.live_slot()
    if ask.upkeep:
        live = application.slot(name) if name else None
        running = [live.units[1], *wanted(live)] if live else []
        needs = upkeep({**dict.fromkeys(running, live_since(application)), NGINX: 0})
        state["updates"] = needs["updates"]
        state["memory_kills"] = needs["memory_kills"]
        state["outdated"] = needs["outdated"]
        state["silent_metrics"] = silent_metrics(application)
    if name is None:
        return state
    slot = application.slot(name)
    unit = show(slot.units[1])
    units = existing_units(application)
    for at, found in units.items():
        found += existing(application.slot(at))
    at_boot = enabled([unit for found in units.values() for unit in found])
    state["live"] = {
        "slot": name,
        "release": live_release(application),
        "since": live_since(application),
        "active": unit["ActiveState"] == "active",
        "starting": is_starting(unit),
        "enabled": at_boot.issuperset([*slot.units, *wanted(slot)]),
    }
    state["nginx"] = server_unit(NGINX)
    state["idle_enabled"] = [unit for unit in units[other(name)] if unit in at_boot]
    state["workers_planned"] = slot.planned_workers()
    master = int(unit["MainPID"] or 0)
    workers = workers_of(master) if master else []
    cpu = CpuSample([master, *workers] if master else [])
    if master:
        reports = worker_reports(slot, workers) if slot.proves_workers() else None
        state["workers"] = [_worker(pid, reports) for pid in workers]
        state["memory_mb"] = memory_mb(master) + sum(w["memory_mb"] for w in state["workers"])
    state["processes"] = _processes(slot)
    once = [process.name for process in planned(slot) if process.once_per_fleet]
    state["singletons"]["processes"] = once
    try:
        state["health"] = get_unix(slot.socket, ask.health_path, ask.health_host)[0]
    except Unanswered:
        # 0: no answer.
        state["health"] = 0
    if ask.https_port:
        state["https"] = ask_https(ask.health_host, ask.https_path, ask.https_port, ask.certificate)
    # Last: CPU use is measured over the time that everything else took.
    state["cpu_percent"] = cpu.percent()
    return state


def recycle_state(application: Application) -> Recycle | None:
    """Return what the host's own recycles came to; None where there are none."""
    if not os.path.exists(application.recycling["timer"]):
        return None
    told = current(application)
    return {
        "at": told.at,
        "why": told.why,
        "failures": told.failures,
        "reason": printable(told.reason.partition("\n")[0]),
        "next": told.next,
        "waiting": printable(told.waiting),
    }


def wait_healthy(application: Application, ask: Questions, seconds: float) -> ApplicationState:
    """Return the application's state once it is healthy, or when waiting is of no use any more.

    Args:
        application: The application.
        ask: What to request.
        seconds: How long to try again; 0 tries once.
    """
    deadline = time.monotonic() + seconds
    while True:
        state = look(application, ask)
        fault = unhealthy(state)
        if time.monotonic() >= deadline or fault is None or not fault.waits:
            return state
        time.sleep(POLL_SECONDS)


def unhealthy(state: ApplicationState) -> Fault | None:
    """Return why a state is not healthy, the hop next to the application first, or None."""
    name, live = state["application"], state["live"]
    if live is None:
        return Fault(
            f"{name} has no live release", "run ansible-playbook deploy.yml", "no live release"
        )
    unit = f"{name}@{live['slot']}"
    log = f"journalctl -u {unit} -n 50; then ansible-playbook playbooks/restart.yml"
    if not live["active"]:
        return Fault(f"{unit} is not running", log, "not running", waits=live["starting"])
    for worker in state["workers"]:
        if worker["problem"]:
            return Fault(worker["problem"], log, "a worker's report", waits=True)
    if state["health"] != 200:
        said = f"answers {state['health']}" if state["health"] else "does not answer"
        return Fault(f"the health path of {unit} {said}", log, said, waits=True)
    maintenance = state["maintenance_since"] is not None
    return front_fault(state["nginx"], state["https"], maintenance=maintenance)


def _processes(slot: Slot) -> list[ProcessState]:
    """Return what must run besides the web workers."""
    return [
        {
            "unit": unit,
            "process": name_of(slot, unit),
            # systemd calls one "activating" that has ended and will be started anew.
            "state": "auto-restart" if awaits_restart(found) else found["ActiveState"],
            "pid": int(found["MainPID"] or 0),
            "memory_mb": memory_mb(int(found["MainPID"] or 0)),
            "restarts": int(found["NRestarts"] or 0),
        }
        for unit, found in show_all(wanted(slot)).items()
    ]


def _worker(pid: int, reports: dict[int, Report] | None) -> Worker:
    """Return a worker's state; without reports, of a class that writes none, it is healthy."""
    serving = process_state(pid) not in NOT_SERVING
    report = reports.get(pid) if reports else None
    proven = reports is None or (report is not None and report.status == 200)
    return {
        "pid": pid,
        "memory_mb": memory_mb(pid),
        "healthy": serving and proven,
        "stopped": not serving,
        "problem": report.problem if report else "",
    }
