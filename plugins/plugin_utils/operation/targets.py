"""On which hosts a command runs, and what is told of how it ended there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

#: The exit status for a host of which it is not known how the command ended, as ssh(1) has it.
LOST = 255


@dataclass(frozen=True)
class Looked:
    """What a host told before a command.

    Attributes:
        app: The application of the host.
        release: Id of the live release; empty for none.
        reason: Why there is none.
    """

    app: str
    release: str = ""
    reason: str = ""


def leader(apps: Mapping[str, str], asked: Sequence[str]) -> str:
    """Return the host where what is done once belongs: the application's first of the inventory.

    Args:
        apps: The application of each host of the inventory, in its order; empty if not known.
        asked: The hosts of this run.

    Raises:
        ValueError: --limit leaves it out.
    """
    app = apps[asked[0]]
    found = next(host for host, name in apps.items() if name == app)
    if found not in asked:
        raise ValueError(
            f"run_on is leader, and that of {app} is {found}, which --limit leaves out; expected "
            f"it in --limit; add it, or take another host: -e run_on=one"
        )
    return found


def one_application(apps: Mapping[str, str]) -> None:
    """Refuse a command for several applications at once.

    Args:
        apps: The application of each host of this run.

    Raises:
        ValueError: There are several.
    """
    names = list(dict.fromkeys(apps.values()))
    if len(names) > 1:
        first = [host for host, app in apps.items() if app == names[0]]
        raise ValueError(
            f"the hosts have {len(names)} applications ({', '.join(names)}); expected those of "
            f"one, since a command belongs to it; name its hosts: --limit {','.join(first)}"
        )


def targets(on: str, looked: Mapping[str, Looked]) -> list[str]:
    """Return the hosts to run a command on.

    Args:
        on: `one` (the first that is live and reachable), `leader` or `all`.
        looked: What the hosts that were asked told, in the order of the inventory.

    Raises:
        ValueError: None of them can; or with `leader` and `all`, one of them cannot.
    """
    live = [host for host, told in looked.items() if told.release]
    reasons = "\n".join(f"  {host}: {told.reason}" for host, told in looked.items() if told.reason)
    if on == "one" and live:
        return live[:1]
    if not live or len(live) < len(looked):
        raise ValueError(
            f"the command ran nowhere: of {len(looked)} host{'s' * (len(looked) > 1)}, "
            f"{len(live)} can run it, and run_on is {on}; expected "
            f"{'one that can' if on == 'one' else 'all of them to be live and reachable'}; "
            f"see below, or choose others with --limit\n{reasons}"
        )
    return live


@dataclass(frozen=True)
class Outcome:
    """What came of a command on all its hosts.

    Attributes:
        lines: What to tell.
        failure: The last line, if it failed somewhere; empty otherwise.
        status: The exit status to pass on: that of the first host that failed.
    """

    lines: list[str]
    failure: str
    status: int


def outcome(ends: Mapping[str, Mapping[str, Any]]) -> Outcome:
    """Return what came of a command.

    Args:
        ends: By host, the `end` of `asgi.fleet.run`, or `reason` for why there is none.
    """
    lines, failed = [], {}
    for host, told in ends.items():
        end = told.get("end")
        if end is None:
            failed[host] = LOST
            lines.append(f"{host}: {told.get('reason') or 'no answer'}")
            continue
        if end["status"] != 0:
            failed[host] = end["status"]
        lines.append(f"{host}: {_ended(end)}")
    if not failed:
        return Outcome(lines, "", 0)
    status = next(iter(failed.values()))
    if len(ends) == 1:
        return Outcome([], f"the command failed on {lines[0]}", status)
    first = next(iter(failed))
    failure = f"the command failed on {', '.join(failed)}; the status of {first} is {status}"
    return Outcome(lines, failure, status)


def _ended(end: Mapping[str, Any]) -> str:
    told = end["problem"] or "exit status 0"
    number = "" if f"status {end['status']}" in told else f", exit status {end['status']}"
    return f"{told}{number}, after {end['seconds']:g} s"
