"""The scorecard: what was seen of each exercise, what had to hold, and the fleet at the end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from ansible_collections.asgi.fleet.plugins.module_utils.protocol.front import front_fault
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.status import aligned

Result = Literal["passed", "FAILED", "skipped", "not done"]

HEADER = ("EXERCISE", "ON", "REQUESTS", "FAILED", "GAP", "SLOWEST", "HEALED", "RESULT")
#: Failures of the load that a row tells.
TOLD_FAILURES = 3


@dataclass
class Row:
    """What came of an exercise.

    Attributes:
        exercise: Its name.
        done: What was done.
        expected: What had to hold.
        hosts: Where it was done.
        result: How it ended.
        seen: What was seen, a line for each; of one that failed, what did not hold.
        load: What the load saw.
        logged: What nginx's logs say of the same requests, by host.
        healed: Seconds until what was broken was whole again; None if nothing was.
        playbook: What was run, its exit status, seconds and the file with its output.
    """

    exercise: str
    done: str
    expected: str
    hosts: list[str]
    result: Result
    seen: list[str] = field(default_factory=list)
    load: dict[str, Any] | None = None
    logged: dict[str, dict[str, int]] = field(default_factory=dict)
    healed: float | None = None
    playbook: dict[str, Any] | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)


@dataclass(frozen=True)
class Seen:
    """What was seen of an exercise.

    Attributes:
        load: What `asgi.fleet.drill` returned when the load ended.
        logged: What it returned of nginx's log, by host.
        fault: What it returned of the fault; empty for none.
        playbook: Of the playbook: `rc`, `seconds`, `log`, `end`, and `meant`, whether it says what
            the exercise expects; None for none.
        before: The states of the hosts before the drill (`asgi.fleet.app_info`), by host.
        after: The same after the exercise.
        canary: The hosts of the first wave.
        balanced: Whether visitors come through a balancer.
    """

    load: Mapping[str, Any]
    logged: Mapping[str, Mapping[str, Any]]
    fault: Mapping[str, Any]
    playbook: Mapping[str, Any] | None
    before: Mapping[str, Mapping[str, Any]]
    after: Mapping[str, Mapping[str, Any]]
    canary: Sequence[str] = ()
    balanced: bool = False


def judged(exercise: Mapping[str, Any], hosts: Sequence[str], seen: Seen) -> Row:
    """Return the row of an exercise that was done.

    Args:
        exercise: `exercises.Exercise.as_dict`.
        hosts: Where it was done.
        seen: What was seen.
    """
    load = seen.load.get("load")
    problems = [
        *_of_fault(seen.fault),
        *(_of_playbook(exercise, seen.playbook) if seen.playbook else ()),
        *(_of_load(exercise, load, seen) if load else [f"no load: {_message(seen.load)}"]),
        *(_of_log(load, seen.logged) if load else ()),
        *differences(
            seen.before,
            seen.after,
            new=exercise["after"] == "new",
            # The rollout could not give that lock back; the next one takes it over by itself.
            locked=hosts if exercise["fault"] == "host_lost" else (),
        ),
    ]
    return Row(
        exercise["name"],
        exercise["done"],
        exercise["expected"],
        list(hosts),
        "FAILED" if problems else "passed",
        problems,
        dict(load) if load else None,
        {host: dict(told.get("logged") or {}) for host, told in seen.logged.items()},
        seen.fault.get("healed") if str(exercise["fault"]).startswith("kill") else None,
        dict(seen.playbook) if seen.playbook else None,
    )


def not_done(exercise: Mapping[str, Any], hosts: Sequence[str], result: Result, why: str) -> Row:
    """Return the row of an exercise that was not done."""
    name, done, expected = (str(exercise[key]) for key in ("name", "done", "expected"))
    return Row(name, done, expected, list(hosts), result, [why])


def _of_fault(fault: Mapping[str, Any]) -> Iterator[str]:
    if fault.get("failed") or fault.get("unreachable"):
        yield _message(fault)


def _of_playbook(exercise: Mapping[str, Any], played: Mapping[str, Any]) -> Iterator[str]:
    name = f"{exercise['playbook']}.yml"
    if played["rc"] == 0 and not exercise["succeeds"]:
        yield f"{name} succeeded; expected it to be refused"
    ended = f"{name} failed with status {played['rc']}"
    if played["rc"] != 0 and exercise["succeeds"]:
        yield f"{ended}; the end of its output ({played['log']}):"
        yield from (f"    {line}" for line in str(played["end"]).splitlines())
    if played["rc"] != 0 and not exercise["succeeds"] and not played["meant"]:
        yield (
            f"{ended} for another reason; expected {exercise['because']!r} in its output "
            f"({played['log']}), the end of which is:"
        )
        yield from (f"    {line}" for line in str(played["end"]).splitlines())


def _of_load(exercise: Mapping[str, Any], load: Mapping[str, Any], seen: Seen) -> Iterator[str]:
    if load["requests"] == 0:
        yield "the load sent no request"
    failed, most = load["failed"], exercise["most_failed"]
    if most is None:
        others = {} if seen.balanced else dict(load["failed_by_server"])
        failed = sum(number for host, number in others.items() if host not in seen.canary)
        most = 0
    if failed > most:
        allowed = f"at most {most}" if most else "none"
        yield f"{failed} of {load['requests']} requests failed; expected {allowed}"
        for one in load["failures"][:TOLD_FAILURES]:
            yield f"    {one['server']}: {one['why']}"


def _of_log(load: Mapping[str, Any], logged: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Tell whether nginx's logs say otherwise than the load.

    A request without an answer may be in a log or not. All others must be, each once.
    """
    silent = {host: told for host, told in logged.items() if "logged" not in told}
    if silent:
        for host, told in silent.items():
            yield f"{host}: its log of nginx was not read: {_message(told)}"
        return
    requests = sum(told["logged"]["requests"] for told in logged.values())
    failed = sum(told["logged"]["failed"] for told in logged.values())
    good, unsure = load["requests"] - load["failed"], load["unanswered"] + load["retried"]
    if not 0 <= (requests - failed) - good <= unsure:
        yield (
            f"nginx's logs have {requests - failed} good answers, the load {good}; "
            f"expected the same number, but for {unsure} requests without an answer"
        )


def differences(
    before: Mapping[str, Mapping[str, Any]],
    after: Mapping[str, Mapping[str, Any]],
    *,
    new: bool = False,
    locked: Sequence[str] = (),
) -> list[str]:
    """Return what of the hosts is not as it was, a line for each.

    Which of the two slots is live does not count.

    Args:
        before: The states of the hosts (`asgi.fleet.app_info`) at the beginning, by host.
        after: Those at the end.
        new: Whether another release must be live, the same on all.
        locked: Hosts that may still be locked.
    """
    found: list[str] = []
    for host, was in before.items():
        state = dict(after.get(host) or {})
        if host in locked:
            state["lock"] = None
        found += [f"{host} {text}" for text in _host_differs(was, state, new=new)]
    lives = {_release(state) for state in after.values()}
    if new and len(lives) > 1:
        found.append(f"different releases are live: {', '.join(sorted(lives))}")
    return found


def _host_differs(was: Mapping[str, Any], state: Mapping[str, Any], *, new: bool) -> Iterator[str]:
    if "live" not in state:
        yield f"did not tell its state: {state.get('error') or 'no answer'}"
        return
    old, live = _release(was), _release(state)
    if new and live == old:
        yield f"has {live} live; expected the new release"
    if not new and live != old:
        yield f"has {live or 'nothing'} live; expected {old}"
    healthy, planned = _healthy(state), state["workers_planned"]
    if healthy < planned:
        yield f"has {healthy} of {planned} workers healthy"
    if state["lock"]:
        yield f"is locked by {state['lock']['who']} (rollout {state['lock']['rollout']})"
    if state["idle_enabled"]:
        yield f"starts {', '.join(state['idle_enabled'])} at boot, which is not live"
    in_maintenance = state["maintenance_since"] is not None
    fault = front_fault(state["nginx"], state["https"], maintenance=in_maintenance)
    if fault:
        yield f"is not served: {fault.seen}; {fault.todo}"


def unfit(exercise: Mapping[str, Any], seen: Seen) -> str:
    """Return why further exercises would tell nothing; empty if they would."""
    new = exercise["after"] == "new"
    wrong = differences(seen.before, seen.after, new=new, locked=list(seen.before))
    return f"after {exercise['name']} the fleet was not as expected: {wrong[0]}" if wrong else ""


def releases_differ(
    before: Mapping[str, Mapping[str, Any]], after: Mapping[str, Mapping[str, Any]]
) -> list[str]:
    """Return which releases a host has now that it had not, or has no more; a line for each."""
    found = []
    for host, was in before.items():
        old, now = (_ids(state) for state in (was, after.get(host) or {}))
        if now - old:
            found.append(f"{host} keeps releases of the drill: {', '.join(sorted(now - old))}")
        if old - now:
            found.append(f"{host} has lost releases: {', '.join(sorted(old - now))}")
    return found


def lines(rows: Iterable[Row], left: Sequence[str], base: str) -> list[str]:
    """Return the scorecard as an operator reads it.

    Args:
        rows: The exercises.
        left: What is not as it was at the beginning.
        base: The release that was live then.
    """
    table: list[Sequence[str]] = [HEADER]
    notes: list[str] = []
    for row in rows:
        table.append(_cells(row))
        if row.result == "passed":
            continue
        notes.append(
            f"{row.exercise}: {row.result}. {_sentence(row.done)}; expected: {row.expected}"
        )
        notes += [f"  {line}" for line in row.seen]
    end = [f"  {line}" for line in left]
    state = (
        [f"the fleet is NOT as it was (it had {base} live):", *end]
        if left
        else [f"the fleet is as it was: {base} is live, no lock, nothing left"]
    )
    return [*aligned(table), *([""] if notes else []), *notes, "", *state]


def summary(rows: Sequence[Row], left: Sequence[str]) -> str:
    """Return why the drill is to fail; empty if it is not."""
    failed = [row.exercise for row in rows if row.result == "FAILED"]
    undone = [row.exercise for row in rows if row.result == "not done"]
    told = [
        *([f"failed: {', '.join(failed)}"] if failed else []),
        *([f"not done: {', '.join(undone)}"] if undone else []),
        *(["the fleet is not as it was"] if left else []),
    ]
    return f"the drill failed ({'; '.join(told)}); see above" if told else ""


def _cells(row: Row) -> tuple[str, ...]:
    load = row.load
    seen = (
        (
            str(load["requests"]),
            str(load["failed"]),
            f"{load['longest_gap'] * 1000:.0f} ms",
            f"{load['slowest'] * 1000:.0f} ms",
        )
        if load
        else ("-",) * 4
    )
    healed = "-" if row.healed is None else f"{row.healed:.1f} s"
    return (row.exercise, ", ".join(row.hosts) or "all", *seen, healed, row.result)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _message(told: Mapping[str, Any]) -> str:
    text = str(told.get("msg") or "").strip()
    return f"unreachable: {text}" if told.get("unreachable") else text or "no answer"


def _release(state: Mapping[str, Any]) -> str:
    return str((state.get("live") or {}).get("release") or "")


def _healthy(state: Mapping[str, Any]) -> int:
    return sum(bool(worker["healthy"]) for worker in state["workers"])


def _ids(state: Mapping[str, Any]) -> set[str]:
    return {one["id"] for one in state.get("releases") or ()}
