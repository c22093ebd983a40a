"""What was done to a fleet: rollouts and commands, put together from what each host remembers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any, TypedDict

from ansible_collections.asgi.fleet.plugins.plugin_utils.report.status import aligned

COLUMNS = (
    "WHEN (UTC)",
    "WHAT",
    "RELEASE",
    "BY",
    "TOOK",
    "OUTCOME",
    "REQUESTS",
    "FAILED",
    "SUBJECT",
)
#: From good to bad: of a rollout that hosts remember differently, the worst counts.
OUTCOMES = ("succeeded", "refused", "interrupted", "reverted", "failed")
#: Characters of a subject or a command in the table.
LONGEST = 48


class Done(TypedDict):
    """A rollout, or a command (`kind` is run).

    Keys:
        id: Of the rollout or the command.
        app: The application.
        kind: release, rollback, restart, scale, patch or run.
        who: Who ran it.
        began_at: Unix time.
        seconds: How long it took; None if it runs, or its end is not known.
        outcome: Of a rollout as in its record; of a command: succeeded, failed or running.
        release: Its release.
        before: What was live before.
        commit: The commit of the release.
        subject: The first line of the commit's message; of a command, the command.
        reason: Why it did not succeed, in one line.
        requests: What was served meanwhile; None if it is not known.
        failed: How many of them failed.
        hosts: The hosts that remember it.
        missing: Hosts that answered and do not remember it, though they did before and after.
    """

    id: str
    app: str
    kind: str
    who: str
    began_at: float
    seconds: float | None
    outcome: str
    release: str
    before: str
    commit: str
    subject: str
    reason: str
    requests: int | None
    failed: int | None
    hosts: list[str]
    missing: list[str]


def fleet_history(
    apps: Mapping[str, str], looked: Mapping[str, Mapping[str, Any]], count: int
) -> list[Done]:
    """Return what was done, the latest first.

    Args:
        apps: The application of each host.
        looked: What `asgi.fleet.history_info` returned, by host; a host without `rollouts` did not
            answer.
        count: How many.
    """
    rollouts: dict[tuple[str, str], dict[str, Mapping[str, Any]]] = {}
    commands: dict[tuple[str, str], dict[str, Mapping[str, Any]]] = {}
    for host, app in apps.items():
        for one in looked.get(host, {}).get("rollouts", []):
            rollouts.setdefault((app, str(one["id"])), {})[host] = one
        for one in looked.get(host, {}).get("commands", []):
            commands.setdefault((app, str(one["id"])), {})[host] = one
    done = [
        *(_rollout(app, id_, of, apps, looked) for (app, id_), of in rollouts.items()),
        *(_command(app, id_, of) for (app, id_), of in commands.items()),
    ]
    return sorted(done, key=lambda one: (one["began_at"], one["id"]), reverse=True)[:count]


def _rollout(
    app: str,
    identity: str,
    of_hosts: Mapping[str, Mapping[str, Any]],
    apps: Mapping[str, str],
    looked: Mapping[str, Mapping[str, Any]],
) -> Done:
    hosts = list(of_hosts)
    found = list(of_hosts.values())
    worst = max(found, key=lambda one: _badness(str(one.get("outcome", ""))))
    began = min(float(one["began_at"]) for one in found)
    receipts = [one["receipt"] for one in found if one.get("receipt")]
    return {
        "id": identity,
        "app": app,
        "kind": str(worst.get("kind", "")),
        "who": str(worst.get("who", "")),
        "began_at": began,
        "seconds": round(max(float(one["ended_at"]) for one in found) - began, 1),
        "outcome": str(worst.get("outcome", "")),
        "release": str(worst.get("release", "")),
        "before": str(worst.get("before", "")),
        "commit": str(worst.get("commit", "")),
        "subject": str(worst.get("subject", "")),
        "reason": next((str(one["reason"]) for one in found if one.get("reason")), ""),
        "requests": sum(one["requests"] for one in receipts) if receipts else None,
        "failed": sum(one["failed"] for one in receipts) if receipts else None,
        "hosts": hosts,
        "missing": [
            host
            for host, other in apps.items()
            if other == app and host not in of_hosts and _spans(identity, looked.get(host, {}))
        ],
    }


def _spans(identity: str, looked: Mapping[str, Any]) -> bool:
    """Return whether a host remembers a rollout before this one, and so was there."""
    # An id begins with its time.
    return any(str(one["id"]) < identity for one in looked.get("rollouts", []))


def _badness(outcome: str) -> int:
    return OUTCOMES.index(outcome) if outcome in OUTCOMES else len(OUTCOMES)


def _command(app: str, identity: str, of_hosts: Mapping[str, Mapping[str, Any]]) -> Done:
    found = list(of_hosts.values())
    ends = [one["noted"] for one in found if one.get("noted")]
    began = min(float(one["began"]) for one in found)
    succeeded = len(ends) == len(found) and all(end.get("result") == "success" for end in ends)
    outcome = "succeeded" if succeeded else "failed" if ends else "running"
    return {
        "id": identity,
        "app": app,
        "kind": "run",
        "who": str(found[0].get("who", "")),
        "began_at": began,
        "seconds": round(max(float(end["at"]) for end in ends) - began, 1) if ends else None,
        "outcome": outcome,
        "release": str(found[0].get("release", "")),
        "before": "",
        "commit": "",
        "subject": str(found[0].get("command", "")),
        "reason": "",
        "requests": None,
        "failed": None,
        "hosts": list(of_hosts),
        "missing": [],
    }


def history_lines(
    done: Sequence[Done], apps: Mapping[str, str], looked: Mapping[str, Mapping[str, Any]]
) -> list[str]:
    """Return the history as a table, and below it what is not known.

    Args:
        done: What `fleet_history` returned.
        apps: The application of each host.
        looked: See `fleet_history`.
    """
    silent = [host for host in apps if "rollouts" not in looked.get(host, {})]
    several = len(set(apps.values())) > 1
    rows = [(*(("APP",) if several else ()), *COLUMNS)]
    rows += [(*((one["app"],) if several else ()), *_row(one)) for one in done]
    lines = aligned(rows) if done else ["nothing was done yet, as far as the hosts remember"]
    notes = [
        f"{', '.join(one['missing'])}: no memory of {one['id']}; was down, or left out"
        for one in done
        if one["missing"]
    ]
    if silent:
        notes.append(f"{', '.join(silent)}: did not answer; what only they remember is not here")
    return [*lines, *([""] if notes else []), *notes]


def _row(one: Done) -> tuple[str, ...]:
    text = one["reason"] if one["reason"] and one["outcome"] != "succeeded" else one["subject"]
    return (
        datetime.fromtimestamp(one["began_at"], timezone.utc).strftime("%Y-%m-%d %H:%M"),
        one["kind"],
        one["release"] or "-",
        one["who"],
        "-" if one["seconds"] is None else f"{one['seconds']:.0f} s",
        one["outcome"],
        "-" if one["requests"] is None else str(one["requests"]),
        "-" if one["failed"] is None else str(one["failed"]),
        text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}...",
    )


def history_document(done: Sequence[Done]) -> str:
    """Return the history as one line of JSON."""
    return json.dumps({"schema": 1, "history": list(done)})
