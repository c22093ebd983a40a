"""What a host needs besides its application: updates, a reboot, memory. Pure text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from ansible_collections.asgi.fleet.plugins.plugin_utils.report.timers import minute

#: A fault fails `verify.yml`; a warning does with `-e verify_fail_on=warning`; a note never does.
FAULT, WARNING, NOTE = "fault", "warning", "note"

SECONDS_PER_DAY = 24 * 3600
#: Days after which package lists say too little. apt's own timer fetches them every day.
OLD_LISTS_DAYS = 3


@dataclass(frozen=True)
class Need:
    """One thing that a host needs: how urgent it is, what was seen, and what to do."""

    severity: str
    seen: str
    todo: str


def needs(host: str, state: Mapping[str, Any], *, balancer: bool = False) -> Iterator[Need]:
    """Yield what a host needs.

    Args:
        host: Its name in the inventory.
        state: `state` of `asgi.fleet.host_info`, or that of `asgi.fleet.app_info` with `upkeep`.
        balancer: Whether it is a balancer.
    """
    yield from timer_needs(state)
    patch = f"run ansible-playbook playbooks/patch.yml --limit {host}"
    yield from _of_memory(state.get("memory_kills") or {})
    yield from _of_recycle(state.get("recycle") or {}, str(state.get("application", "")))
    yield from _of_metrics(state.get("silent_metrics") or [])
    for one in state.get("refused") or []:
        yield Need(WARNING, f"its sandbox: {one['seen']}", f"{one['todo']}, and release again")
    if updates := state.get("updates"):
        yield from _of_updates(updates, int(state["at"]), patch)
        if updates["reboot_required"]:
            packages = ", ".join(updates["reboot_packages"])
            yield Need(
                WARNING,
                "asks for a reboot" + (f", for {packages}" if packages else ""),
                patch + (" -e patch_reboot_balancers=true, at a quiet hour" if balancer else ""),
            )
    for unit, files in (state.get("outdated") or {}).items():
        yield Need(WARNING, f"{unit} still runs on replaced files: {', '.join(files)}", patch)


def timer_needs(state: Mapping[str, Any]) -> Iterator[Need]:
    """Yield what is wrong with the timers of an application on a host."""
    for timer in state.get("timers") or []:
        unit = f"{state['application']}@timer-{timer['name']}"
        if timer["problem"]:
            yield Need(
                FAULT,
                f"the last run of the timer {timer['name']} failed: {timer['problem']}",
                f"journalctl -u {unit}.service -n 50; to run it again: systemctl start {unit}",
            )
        if timer["due"] and not timer["active"]:
            yield Need(
                FAULT,
                f"the timer {timer['name']} does not elapse: {unit}.timer is stopped",
                f"systemctl start {unit}.timer, or run ansible-playbook deploy.yml",
            )
        if timer["overdue"]:
            yield _of_overdue(timer, f"{unit}.service")
        if timer["due"] and timer["spent"]:
            yield Need(
                NOTE,
                f"the timer {timer['name']} elapses never again ({timer['schedule']}); "
                "app_timers can do without it",
                "remove it from app_timers",
            )


def _of_overdue(timer: Mapping[str, Any], unit: str) -> Need:
    name, since = timer["name"], minute(timer["overdue"])
    if timer["running"]:
        return Need(
            WARNING,
            f"a run of the timer {name} goes on, and the next is due since {since} UTC",
            f"journalctl -u {unit} -n 50; let it end, or end it: systemctl stop {unit}; then lower "
            "its timeout, or have it elapse less often",
        )
    return Need(
        FAULT,
        f"a run of the timer {name} is due since {since} UTC, and has not begun",
        f"see what its start waits for: systemctl list-jobs; systemctl status {unit}",
    )


def refused_text(one: Mapping[str, Any]) -> str:
    """Return what a sandbox refused to a service that runs, as a warning of a rollout."""
    return f"WARNING: since it went live, {one['seen']}; {one['todo']}, and release again"


def remarks(host: str, state: Mapping[str, Any], *, balancer: bool = False) -> list[str]:
    """Return what a host needs, as lines for below a table."""
    return [
        f"{host}: {need.seen}; to do: {need.todo}" for need in needs(host, state, balancer=balancer)
    ]


def full_disks(state: Mapping[str, Any], limit: int) -> Iterator[tuple[str, str]]:
    """Yield the file systems that are as full as the limit, in percent, and what to do."""
    for path, percent in state["disks"].items():
        if percent >= limit:
            yield (
                f"the file system of {path} is {percent} % full; expected less than {limit} %",
                f"make room: df -h {path}; df -i {path}; lower app_releases_kept",
            )


def wrong_units(state: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the units that do not run or would not start at boot, and what to do."""
    for unit, found in state["units"].items():
        if not found["active"]:
            yield f"{unit} is not running", f"journalctl -u {unit}; systemctl start {unit}"
        if not found["enabled"]:
            yield f"{unit} is not enabled: it would not start at boot", f"systemctl enable {unit}"


def _of_updates(updates: Mapping[str, Any], now: int, patch: str) -> Iterator[Need]:
    if updates["error"]:
        yield Need(
            WARNING,
            f"its packages could not be examined: {updates['error']}",
            "correct what `apt-cache policy` says on the host",
        )
    free = [update for update in updates["waiting"] if not update["held"]]
    held = [update for update in updates["waiting"] if update["held"]]
    if free:
        yield Need(WARNING, f"security updates wait: {_versions(free)}", patch)
    if held:
        names = " ".join(update["package"] for update in held)
        yield Need(
            WARNING,
            f"security updates of held packages wait: {_versions(held)}",
            f"apt-mark unhold {names} on the host, then {patch}",
        )
    days = (now - updates["lists_at"]) // SECONDS_PER_DAY
    if days >= OLD_LISTS_DAYS:
        age = f"are {days} days old" if updates["lists_at"] else "are not there"
        yield Need(
            WARNING,
            f"its package lists {age}, so newer security updates are not known",
            "find out why on the host: systemctl status apt-daily.timer apt-daily.service; "
            "apt-get update",
        )


def _versions(updates: list[Mapping[str, Any]]) -> str:
    return ", ".join(f"{one['package']} {one['installed']} -> {one['version']}" for one in updates)


def _of_recycle(told: Mapping[str, Any], application: str) -> Iterator[Need]:
    unit = f"{application}-recycle.service"
    if failures := int(told.get("failures") or 0):
        again = datetime.fromtimestamp(told["next"], timezone.utc).strftime("%Y-%m-%d %H:%M")
        yield Need(
            WARNING,
            f"{failures} {'recycle' if failures == 1 else 'recycles'} in a row failed, and the "
            f"live slot runs on; tried again from {again} UTC on: {told['reason']}",
            f"there: journalctl -u {unit} -n 50; then ansible-playbook playbooks/restart.yml",
        )
    if told.get("waiting"):
        yield Need(
            NOTE,
            f"a recycle is due, and waits: {told['waiting']}",
            "let that end; ansible-playbook playbooks/verify.yml tells what holds it up",
        )


def _of_metrics(silent: Sequence[Mapping[str, str]]) -> Iterator[Need]:
    """Yield what of the metrics does not answer: the application serves, and nobody sees it."""
    for one in silent:
        unit = one["unit"]
        restart = f"there: journalctl -u {unit} -n 20; systemctl enable --now {unit}"
        if not one["exporter"]:
            seen = f"its metrics are not served: {unit}: {one['reason']}"
            yield Need(WARNING, seen, f"{restart}; or run ansible-playbook deploy.yml")
            continue
        yield Need(
            WARNING,
            f"the exporter {one['exporter']} does not answer at {one['address']}, nor "
            f"/metrics/{one['exporter']}: {one['reason']}",
            restart if unit else "start it, or correct gunicorn_service_metrics_exporters",
        )


def _of_memory(kills: Mapping[str, Mapping[str, int]]) -> Iterator[Need]:
    for unit, count in kills.items():
        number = count["recent"] or count["total"]
        when = "in the last day" if count["recent"] else "more than a day ago"
        yield Need(
            FAULT if count["recent"] else NOTE,
            f"the kernel killed {number} {'process' if number == 1 else 'processes'} of {unit} "
            f"for lack of memory {when}",
            "raise app_worker_memory_mb or lower app_workers, then run ansible-playbook deploy.yml"
            if "@" in unit
            else "give the host more memory, or less to do",
        )
